"""The simulator records its calls, and breaks where it is told to."""

import pytest
import requests

from tiktok_organic_dagster.simulator import Fault, faults
from tiktok_organic_dagster_tests.integration.simulator.client import NOW, Client


def test_calls_are_recorded(sim, client):
    sim.calls.clear()
    client.get("business/get/", token="wrong")
    client.get("business/video/list/", max_count=3)
    assert [(call.path, call.code) for call in sim.calls] == [("business/get/", 40105), ("business/video/list/", 0)]
    assert sim.calls.count("video/list") == sim.calls.count("business/video/list/") == 1
    call = sim.calls.to("video/list")[0]
    assert (call.params["max_count"], call.business_id, call.account) == ("3", client.business_id, 0)


def test_a_fault_befalls_the_calls_it_names(sim, client):
    other = Client(sim, 1)
    fault = sim.faults.add(
        Fault(faults.refuse(50000, "System error"), path="business/get/", account=0, after=1, every=2, times=2)
    )
    assert [client.code("business/get/") for _ in range(8)] == [0, 0, 50000, 0, 50000, 0, 0, 0]
    assert fault.struck == 2
    sim.faults.clear()
    sim.faults.add(Fault(faults.refuse(51010, "timeout"), when=lambda params: params.get("max_count") == "3", nth=2))
    assert [other.code("business/video/list/", max_count=3) for _ in range(3)] == [0, 51010, 0]
    assert other.code("business/video/list/", max_count=4) == 0


def test_answers_that_are_no_envelope(sim, client):
    for effect, status, kind in (
        (faults.http_status(503, "no backend", {"Retry-After": "7"}), 503, "text/plain"),
        (faults.html(), 200, "text/html"),
        (faults.invalid_json(), 200, "application/json"),
    ):
        sim.faults.add(Fault(effect, times=1))
        response = client.get("business/get/")
        assert response.status_code == status
        assert response.headers["content-type"].startswith(kind)
        with pytest.raises(ValueError, match="Expecting"):
            response.json()


def test_broken_connections(sim, client):
    sim.faults.add(Fault(faults.reset(), nth=1))
    sim.faults.add(Fault(faults.truncated(), nth=2))
    with pytest.raises(requests.ConnectionError, match="reset"):
        client.get("business/get/")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError), match="IncompleteRead"):
        client.get("business/get/")
    assert client.code("business/get/") == 0


def test_a_delay_delays_its_call_only(sim, client):
    sim.faults.add(Fault(faults.delay(30), times=1))
    with pytest.raises(requests.Timeout):
        requests.get(f"{sim.api_url}/business/get/", params={"business_id": "x"}, timeout=0.2)
    assert client.code("business/get/") == 0


def test_pages_that_go_wrong(sim, client):
    def second_page(effect: faults.Effect) -> tuple[dict, dict]:
        sim.faults.clear()
        sim.faults.add(Fault(effect, path="video/list", nth=2))
        first = client.data("business/video/list/", max_count=2)
        return first, client.data("business/video/list/", max_count=2, cursor=first["cursor"])

    first, second = second_page(faults.repeat_page())
    assert second == first
    first, second = second_page(faults.cursor_stands_still())
    assert (second["cursor"], second["has_more"]) == (first["cursor"], True)
    assert second["videos"] != first["videos"]
    assert second_page(faults.has_more_without_list())[1].keys() == {"cursor", "has_more"}
    assert second_page(faults.list_without_has_more())[1].keys() == {"cursor", "videos"}
    assert second_page(faults.empty_page())[1]["videos"] == []
    assert second_page(faults.change(lambda data: data | {"cursor": 5}))[1]["cursor"] == 5


def test_metrics_can_be_missing_as_a_whole(sim, client):
    sim.faults.add(Fault(faults.without_metrics()))
    assert client.data("business/get/", fields=["username", "likes"]).keys() == {"username"}


def test_business_fields_can_be_refused_to_personal_accounts(sim):
    sim.faults.add(Fault(faults.refuse_business_fields()))
    business, personal = Client(sim, 0), Client(sim, 2)
    for path, fields in (
        ("business/get/", ["likes", "engaged_audience"]),
        ("business/video/list/", ["item_id", "profile_views"]),
    ):
        assert business.code(path, fields=fields) == 0
        assert personal.code(path, fields=fields) == 40001
        assert personal.code(path, fields=fields[:1]) == 0


def test_a_revoked_token_can_be_refreshed(sim, client):
    sim.faults.add(Fault(faults.revoke_token(), times=1))
    assert client.code("business/get/") == 40105
    renewed = client.refresh()["data"]["access_token"]
    assert client.code("business/get/", token=renewed) == 0


def test_a_lost_answer_has_rotated_the_refresh_token(sim, client):
    sim.faults.add(Fault(faults.lose_answer(), path="oauth2/refresh_token/", times=1))
    with pytest.raises(requests.ConnectionError):
        client.refresh()
    assert client.refresh()["code"] == 40107


def test_texts_with_lone_surrogates_and_nul_arrive_as_they_are(sim, client):
    sim.world.changes.patch_video(sim.world.posts(0, NOW)[0].item_id, caption="a\ud800b\x00c")
    video = client.data("business/video/list/", fields=["item_id", "caption"])["videos"][0]
    assert video["caption"] == "a\ud800b\x00c"
