"""The policy's engine: one kind of question, one kind of answer, and who may take which step."""
