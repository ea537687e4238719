# SPDX-License-Identifier: Apache-2.0
"""deploy/: valid by the schemas of those who read the files, true about the server, in step with one another."""

import fnmatch
import importlib.resources
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import jsonschema
import kubernetes_validate
import promql_parser
import pytest
import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy"
sys.path.insert(0, str(REPOSITORY / "tests" / "server"))
from process import Served, servers_end_well  # noqa: E402, F401 (a fixture)

KUBERNETES_VERSIONS = ["1.27", "1.30", "1.34", "1.37"]
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
OF_OTHERS = {"Kustomization", "ServiceMonitor"}  # kinds that Kubernetes itself does not know


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def manifest(kind):
    (found,) = [document for path in MANIFESTS for document in documents(path) if document["kind"] == kind]
    return found


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("home")) as served:
        served.embed(["a", "b"], task="retrieval.query")
        served.call("POST", "/embed", {"inputs": []})
        yield served


# Kubernetes.

@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifests_obey_the_schema(path, version):
    for document in documents(path):
        if document["kind"] not in OF_OTHERS:
            kubernetes_validate.validate(document, version, strict=True)


def test_the_schema_is_strict():
    deployment = manifest("Deployment")
    deployment["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES_VERSIONS[-1], strict=True)


def test_kustomization_lists_files_that_are_there():
    resources = manifest("Kustomization")["resources"]
    left_out = {"kustomization.yaml", "secret.example.yaml", "servicemonitor.yaml"}
    assert sorted(resources) == sorted({path.name for path in MANIFESTS} - left_out)


def test_objects_refer_to_one_another():
    deployment, service = manifest("Deployment"), manifest("Service")
    pod = deployment["spec"]["template"]
    labels = pod["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert service["spec"]["selector"].items() <= labels.items()
    assert manifest("PodDisruptionBudget")["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert manifest("ServiceMonitor")["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert manifest("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    (container,) = pod["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} == set(ports)
    assert manifest("ServiceMonitor")["spec"]["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert volumes["config"]["configMap"]["name"] == manifest("ConfigMap")["metadata"]["name"]
    secret = manifest("Secret")
    assert volumes["secret"]["secret"]["secretName"] == secret["metadata"]["name"]
    assert {item["key"] for item in volumes["secret"]["secret"]["items"]} <= set(secret["stringData"])
    for each in [container, *pod["spec"]["initContainers"]]:
        assert {mount["name"] for mount in each["volumeMounts"]} <= set(volumes)


def test_a_pod_is_confined_and_has_time_to_drain():
    spec = manifest("Deployment")["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] and not spec["automountServiceAccountToken"]
    for container in [*spec["containers"], *spec["initContainers"]]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"] == "5Gi"
    (container,) = spec["containers"]
    grace = yaml.safe_load(manifest("ConfigMap")["data"]["config.yaml"])["server"]["grace_seconds"]
    sleep = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert spec["terminationGracePeriodSeconds"] > grace + sleep


def test_probes_ask_routes_that_are_there(server):
    (container,) = manifest("Deployment")["spec"]["template"]["spec"]["containers"]
    for name, path in [("startupProbe", "/ready"), ("readinessProbe", "/ready"), ("livenessProbe", "/health")]:
        assert container[name]["httpGet"] == {"path": path, "port": "http"}
        assert server.call("GET", path).status == 200


# Configurations.

def configurations():
    return {"config.yaml": (DEPLOY / "config.yaml").read_text(), "ConfigMap": manifest("ConfigMap")["data"]["config.yaml"]}


@pytest.mark.parametrize("name", ["config.yaml", "ConfigMap"])
def test_configurations_are_understood(server, tmp_path, name):
    path = tmp_path / "config.yaml"
    path.write_text(configurations()[name])
    done = server.command("serve", "--config", path, "--print-config")
    assert done.returncode == 0, done.stderr.decode()
    assert b"warning" not in done.stderr, done.stderr.decode()
    printed = yaml.safe_load(done.stdout)
    for section, fields in yaml.safe_load(configurations()[name]).items():
        assert set(fields) <= set(printed[section])


def test_configurations_differ_in_the_place_of_the_keys_alone():
    one, other = (yaml.safe_load(text) for text in configurations().values())
    mounts = manifest("Deployment")["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    (folder,) = [mount["mountPath"] for mount in mounts if mount["name"] == "secret"]
    assert other["server"].pop("api_key_file") == folder + "/api-keys"
    assert one["server"].pop("api_key_file") == "/etc/nestvec/api-keys"
    assert one == other


# Compose.

def test_compose_obeys_the_schema(compose):
    schema = json.loads(importlib.resources.files("check_jsonschema.builtin_schemas.vendor")
                        .joinpath("compose-spec.json").read_text())
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    validator(schema).validate(compose)
    with pytest.raises(jsonschema.ValidationError):
        validator(schema).validate({**compose, "services": {"nestvec": {"read_onli": True}}})


def test_compose_is_confined_and_has_time_to_drain(compose):
    service = compose["services"]["nestvec"]
    assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["tmpfs"]
    assert service["mem_limit"] == "5g"
    grace = yaml.safe_load((DEPLOY / "config.yaml").read_text())["server"]["grace_seconds"]
    assert int(service["stop_grace_period"].removesuffix("s")) > grace
    assert {secret["source"] for secret in service["secrets"]} <= set(compose["secrets"])
    assert {config["source"] for config in service["configs"]} <= set(compose["configs"])
    assert (DEPLOY / compose["configs"]["config"]["file"]).exists()
    build = compose["services"]["model"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).samefile(DEPLOY / "Dockerfile")


# The image.

def dockerfile():
    """Instructions with their arguments, in order."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [tuple(line.split(maxsplit=1)) for line in re.sub(r"\\\n\s*", "", text).splitlines() if line.strip()]


def arguments_of_the_image():
    return dict(rest.split("=", 1) for name, rest in dockerfile() if name == "ARG")


def copied():
    """What comes from the build context."""
    package = arguments_of_the_image()["PACKAGE"]
    return [source.replace("${PACKAGE}", package) for name, rest in dockerfile()
            if name in ("ADD", "COPY") and "--from" not in rest for source in rest.split()[:-1]]


def test_dockerignore_lets_through_what_is_copied():
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    allowed = [line.removeprefix("!") for line in lines[2:]]
    for source in copied():
        assert any(fnmatch.fnmatch(source, pattern) for pattern in allowed), source
    for pattern in allowed:
        assert any(fnmatch.fnmatch(source, pattern) for source in copied()), pattern


def test_the_image_is_of_this_version():
    version = re.search(r"project\(nestvec VERSION ([0-9.]+)", (REPOSITORY / "CMakeLists.txt").read_text())[1]
    arguments = arguments_of_the_image()
    assert arguments["VERSION"] == version
    assert arguments["PACKAGE"] == f"build/packages/nestvec-{version}-linux-x86_64"


def test_nothing_is_run_in_the_last_stage():
    """So that the image of another architecture needs no emulator, and a base no shell."""
    names = [name for name, _ in dockerfile()]
    last = len(names) - names[::-1].index("FROM")
    assert "RUN" not in names[last:]
    assert all(json.loads(rest[rest.index("["):]) for name, rest in dockerfile() if name in ("HEALTHCHECK", "ENTRYPOINT", "CMD"))


def health_check(server, *target):
    (rest,) = [rest for name, rest in dockerfile() if name == "HEALTHCHECK"]
    program, *arguments = json.loads(rest[rest.index("["):])
    assert program == "nestvec"
    return server.command(*arguments, *target, timeout=10).returncode


def test_the_health_check_tells(server):
    host, port = server.address
    assert health_check(server, f"{host}:{port}") == 0
    assert health_check(server, f"{host}:{port}/no-such-route") != 0
    assert health_check(server, "127.0.0.1:1") != 0  # nobody listens


def test_the_health_check_asks_the_port_of_the_command():
    (command,) = [json.loads(rest) for name, rest in dockerfile() if name == "CMD"]
    assert command[-1].endswith(":8080"), "the default of `nestvec health`"


def test_the_image_is_not_roots():
    instructions = dockerfile()
    assert [rest for name, rest in instructions if name == "USER"] == ["65532:65532"]
    spec = manifest("Deployment")["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsUser"] == 65532
    assert ("ENTRYPOINT", '["nestvec"]') in instructions


# systemd.

def unit():
    lines = [line for line in (DEPLOY / "nestvec.service").read_text().splitlines() if "=" in line and line[0] != "#"]
    return [tuple(line.split("=", 1)) for line in lines]


def test_the_unit_obeys_systemd(server, tmp_path):
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("systemd-analyze is not installed")
    text = (DEPLOY / "nestvec.service").read_text()
    assert "=/usr/local/bin/nestvec serve " in text
    path = tmp_path / "nestvec.service"
    path.write_text(text.replace("/usr/local/bin/nestvec", os.path.abspath(server.command.binary)))
    done = subprocess.run([analyze, "verify", "--man=no", str(path)], capture_output=True, text=True, timeout=60)
    about_us = [line for line in done.stderr.splitlines() if "nestvec" in line]
    assert done.returncode == 0 and not about_us, done.stderr
    path.write_text(path.read_text().replace("ProtectSystem=strict", "ProtectSystm=strict"))
    done = subprocess.run([analyze, "verify", "--man=no", str(path)], capture_output=True, text=True, timeout=60)
    assert "ProtectSystm" in done.stderr, "systemd-analyze tells nothing here"


def test_the_unit_is_confined_and_has_time_to_drain():
    fields = dict(unit())
    assert fields["Type"] == "notify" and fields["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert fields["DynamicUser"] == "yes" and fields["ProtectSystem"] == "strict" and fields["MemoryMax"] == "5G"
    grace = yaml.safe_load((DEPLOY / "config.yaml").read_text())["server"]["grace_seconds"]
    assert int(fields["TimeoutStopSec"].removesuffix("s")) > grace


# Metrics.

def rules():
    return [rule for group in yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text())["groups"]
            for rule in group["rules"]]


def dashboard():
    return json.loads((DEPLOY / "grafana" / "nestvec.json").read_text())


def panels():
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries():
    """PromQL of the rules, the dashboard and the autoscaler."""
    found = {f"rule {rule.get('record') or rule['alert']}": rule["expr"] for rule in rules()}
    for panel in panels():
        for target in panel["targets"]:
            text = target["expr"].replace("$__rate_interval", "5m")
            found[f"panel {panel['title']} {panel['id']}{target['refId']}"] = text
    for metric in manifest("HorizontalPodAutoscaler")["spec"]["metrics"]:
        found["HorizontalPodAutoscaler"] = metric["pods"]["metric"]["name"]
    return found


def selectors(query):
    """(name, label names) of each series that a query reads."""
    found = []

    def visit(expression):
        if isinstance(expression, promql_parser.VectorSelector):
            found.append((expression.name, {matcher.name for matcher in expression.matchers.matchers}))
    promql_parser.walk(promql_parser.parse(query), visit)
    return found


@pytest.mark.parametrize("query", queries().values(), ids=queries().keys())
def test_queries_parse_and_read_something(query):
    expression = promql_parser.parse(query)
    assert expression.prettify() and selectors(query)


def exported(server):
    """Series names with their label names, as Prometheus has them after a scrape; no labels where nothing was counted."""
    answer = server.call("GET", "/metrics")
    assert answer.status == 200
    families = {}
    for line in answer.body.decode().splitlines():
        if declared := re.match(r"# TYPE (\S+) (\S+)", line):
            name, kind = declared.groups()
            endings = ["_bucket", "_sum", "_count"] if kind == "histogram" else [""]
            families |= {name + ending: set() for ending in endings}
        elif line and line[0] != "#":
            name, labels = re.match(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ", line).groups()
            families.setdefault(name, set()).update(re.findall(r'(\w+)="', labels or ""))
    return families


def test_queries_read_what_the_server_exports(server):
    families = exported(server)
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    problems = []
    for title, query in queries().items():
        for name, labels in selectors(query):
            if name == "up" or name in recorded:
                continue
            if name not in families:
                problems.append(f"{title}: {name} is not exported")
            elif missing := families[name] and labels - {"job", "instance"} - families[name]:
                problems.append(f"{title}: {name} has no label {', '.join(missing)}")
    assert not problems, "\n".join(problems)


def test_grouping_labels_exist(server):
    families = exported(server)
    known = {"job", "instance"}.union(*families.values())
    for title, query in queries().items():
        for labels in re.findall(r"\b(?:by|without) \(([^)]*)\)", query):
            assert {label.strip() for label in labels.split(",")} <= known, title


def test_rules_have_the_shape_of_prometheus():
    seen = set()
    for group in yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text())["groups"]:
        assert set(group) <= {"name", "interval", "rules"} and group["rules"]
        for rule in group["rules"]:
            name = rule.get("record") or rule.get("alert")
            assert name not in seen
            seen.add(name)
            if "record" in rule:
                assert set(rule) == {"record", "expr"} and re.fullmatch(r"[a-z_]+:[a-z0-9_]+:[a-z0-9_]+", name)
            else:
                assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
                assert rule["labels"]["severity"] in {"critical", "warning", "info"}
                assert set(rule["annotations"]) == {"summary", "description"}
                promql_parser.parse_duration(rule.get("for", "1m"))


def test_the_dashboard_has_the_shape_of_grafana():
    board = dashboard()
    assert board["uid"] == "nestvec" and board["schemaVersion"] >= 36
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    variables = {variable["name"] for variable in board["templating"]["list"]}
    assert variables == {"datasource", "job", "instance"}
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}"
        used = {name for target in panel["targets"] for name in re.findall(r"\$(\w+)", target["expr"])}
        assert used <= variables | {"__rate_interval"}


def mebibytes(quantity):
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi|G|g)", quantity).groups()  # systemd and compose count in powers of 1024
    return int(number) * (1 if unit == "Mi" else 1024)


def test_the_limit_of_memory_is_the_same_everywhere_and_above_the_plan(compose):
    (container,) = manifest("Deployment")["spec"]["template"]["spec"]["containers"]
    limits = {mebibytes(limit) for limit in (container["resources"]["limits"]["memory"], dict(unit())["MemoryMax"],
                                             compose["services"]["nestvec"]["mem_limit"])}
    (alert,) = [rule for rule in rules() if rule.get("alert") == "NestvecMemoryNearLimit"]
    limits.add(int(re.search(r"0\.9 \* (\d+) \* 1024 \* 1024 \* 1024", alert["expr"])[1]) * 1024)
    (limit,) = limits
    plan = yaml.safe_load((DEPLOY / "config.yaml").read_text())["inference_compute_info"]["cpu_memory"]
    assert limit * 0.8 < mebibytes(plan) <= limit - 256


# Workflows of the forge.

def workflows():
    return sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))


def test_workflows_obey_the_schema():
    schema = json.loads(importlib.resources.files("check_jsonschema.builtin_schemas.vendor")
                        .joinpath("github-workflows.json").read_text())
    validator = jsonschema.validators.validator_for(schema)
    assert workflows()
    for path in workflows():
        workflow = yaml.safe_load(path.read_text())
        workflow["on"] = workflow.pop(True)  # YAML 1.1 reads `on` as a truth value
        validator(schema).validate(workflow)


def test_workflows_call_make_and_nothing_else():
    targets = set(re.findall(r"^([a-z-]+):.*## ", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    for path in workflows():
        workflow = yaml.safe_load(path.read_text())
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                if "run" in step:
                    assert re.fullmatch(r"make ([a-z-]+)", step["run"])[1] in targets, step
                else:
                    assert step["uses"].startswith(("actions/checkout@", "actions/upload-artifact@")), step
