"""A process that measures one thing with one library, apart from zmqfast itself: run by its path, with JSON."""
