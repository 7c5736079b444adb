"""The Python face of the media plane."""
