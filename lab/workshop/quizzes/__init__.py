"""The questions at the end of each notebook: one file a notebook, ``NN.toml``, read when they are asked.

docs/schemas/quiz.schema.json says the form of a file. The key is in these files alone: no notebook has it in its text.
"""

from lab.workshop.quizzes.asking import QuizPage, answer_quiz, quiz
from lab.workshop.quizzes.questions import QUIZZES, Choice, NoSuchQuizError, Question, Quiz, find

__all__ = ["QUIZZES", "Choice", "NoSuchQuizError", "Question", "Quiz", "QuizPage", "answer_quiz", "find", "quiz"]
