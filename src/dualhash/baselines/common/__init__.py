"""What several comparison methods share: kinds of methods, features, hash functions and heads.

In: `TrainingData`.
Out: the classes `ShallowMethod` and `HeadMethod`, and functions that fit and export models.
May import: what `baselines` may, but no method.
"""
