"""How long the two ends of the path take: from a media message to the recogniser, from a final to a screen."""
