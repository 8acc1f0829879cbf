"""The loaders that are compared: each one is a program that reads all posts of one account and tells what it took."""
