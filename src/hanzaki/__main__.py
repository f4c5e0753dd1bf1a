"""``python -m hanzaki`` is ``hanzaki``."""

from hanzaki.cli import main

if __name__ == "__main__":
    main()
