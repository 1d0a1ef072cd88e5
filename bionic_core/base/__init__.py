"""What any program needs, and nothing of the subject: files, sums, memory, locks, words.

Imports nothing but `errors`. Start at `files`, by which everything is read and written.
"""
