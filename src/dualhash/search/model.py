"""The model whose codes an index holds."""

from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.search.storage.header import Header


def find_model(place: object, header: Header) -> Model:
    """Opens the model where the index says it was.

    Args:
        place: The index, as messages name it.
        header: Of the index.

    Raises:
        DualhashError: It is not there, or is another one now.
    """
    try:
        model = Model.open(header.model_folder)
    except DualhashError as error:
        raise DualhashError(
            f"{place} needs its model for this query. {error} Say where it is with the option "
            "`model`."
        ) from error
    check_model(place, header, model)
    return model


def check_model(place: object, header: Header, model: Model) -> None:
    """Refuses a model that did not make the codes of an index."""
    if model.hash != header.model_hash:
        raise DualhashError(
            f"{place} holds codes of another model than {model.folder} ({header.bits} bits, "
            f"model {header.model_hash[:12]}, not {model.bits} bits, model {model.hash[:12]}). "
            "Index the images again with this model, or use the model that made the index."
        )
