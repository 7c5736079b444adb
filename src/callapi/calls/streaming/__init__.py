"""The streams of live calls: which there are, how they are found, what is written down and reported about them."""
