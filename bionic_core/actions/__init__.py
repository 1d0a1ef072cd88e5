"""What bionic does when it is asked to: train, factorial, ablate, evaluate, reproduce …

Commands and Python call the same functions here, so that both give the same numbers in the same
folders. Parses no words and prints no result. Start at `work`, then `studies`.
"""
