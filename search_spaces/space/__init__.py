"""Named spaces, and the configurations that an optimizer's arm can draw from them."""
