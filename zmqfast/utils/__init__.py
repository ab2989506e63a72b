"""Small tools with pyzmq's names, and a serializer that checks who wrote what it reads."""
