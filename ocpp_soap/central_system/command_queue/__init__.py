"""Commands to charge points that survive restarts: stored, claimed by one worker at a time, tried until done."""
