"""Contact sites between organelles."""
