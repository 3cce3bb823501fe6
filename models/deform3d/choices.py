"""Checks of fields whose values are names."""


def check_choice(path: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a value that is not one of the choices.

    Raises:
        ValueError: with the field and the choices.
    """
    if value not in choices:
        raise ValueError(f"{path} is '{value}'; it is one of {', '.join(choices)}")


def check_subset(path: str, values: tuple[str, ...], choices: tuple[str, ...]) -> None:
    """Refuse values that are not some of the choices, in their order.

    Raises:
        ValueError: with the field and the choices.
    """
    if not values or values != tuple(choice for choice in choices if choice in values):
        raise ValueError(f"{path} is {values}; it names some of {choices}, in this order")
