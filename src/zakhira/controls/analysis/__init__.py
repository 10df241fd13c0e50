"""What is wrong with a policy, what a change of it changes, and what it would have said of cases."""
