"""Distillation: a small student learns to say what a large teacher says.

teacher.py       what a model says, and holds inside
lessons.py       the teacher's word on every item, asked for or kept in files
losses.py        how far a student is from it
imitation.py     the objective that the loop trains
vocabulary.py    the student's vocabulary, a part of the teacher's
shrinking.py     the student's first weights, parts of the teacher's
augmentation.py  more text to ask the teacher about
distilling.py    all of it together: `distill`
search.py        several students under one budget of time
"""
