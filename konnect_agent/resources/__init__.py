"""One file per tool family: a short typed method per documented operation, `find` where there are names."""
