from .head_view import head_view
from .model_view import model_view