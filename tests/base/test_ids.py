"""Ids stay inside their folder."""

import pytest

from base.errors import UserError
from base.ids import check_id


@pytest.mark.parametrize("bad", ["../x", "a/b", "", "..", "a\\b"])
def test_an_id_can_not_leave_its_folder(bad):
    with pytest.raises(UserError):
        check_id(bad)
