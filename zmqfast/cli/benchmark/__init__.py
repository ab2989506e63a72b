"""What `zmqfast bench` and the programs of bench/ share: cases, growth curves, how one measurement is made, and charts."""
