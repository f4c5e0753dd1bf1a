"""The names of a split's parts, and the reasons that several protocols give for leaving a row out."""

TRAIN, VALIDATION, TEST = "train", "validation", "test"

#: Of an individual that is learnt from.
SIDE_UNSEEN = "shows a side that is not learnt of its individual"
