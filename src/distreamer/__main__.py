"""``python -m distreamer`` is the command ``distreamer``."""

from distreamer.cli.main import main

if __name__ == "__main__":
    main()
