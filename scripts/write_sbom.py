#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what is inside the packages as an SPDX document, and gathers the licences of it in a folder.

Versions are those of the libraries that were linked: of scripts/get-static-libraries.sh, of the packages of the
distribution, of ONNX Runtime. A library whose version or licence cannot be found ends the program.
"""

import argparse
import hashlib
import json
import re
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

BUILT = "built"  # by scripts/get-static-libraries.sh


@dataclass
class Library:
    name: str
    licence: str
    package: str  # of the distribution that has it; BUILT


LIBRARIES = [
    Library("boost", "BSL-1.0", "libboost1.*-dev"),
    Library("cli11", "BSD-3-Clause", "libcli11-dev"),
    Library("curl", "curl", BUILT),
    Library("libstdc++", "GPL-3.0-or-later WITH GCC-exception-3.1", "libstdc++-*-dev"),
    Library("nghttp2", "MIT", "libnghttp2-dev"),
    Library("openssl", "Apache-2.0", "libssl-dev"),
    Library("protobuf", "BSD-3-Clause", BUILT),
    Library("simdjson", "Apache-2.0", BUILT),
    Library("yaml-cpp", "MIT", BUILT),
    Library("zlib", "Zlib", "zlib1g-dev"),
    Library("zstd", "BSD-3-Clause", "libzstd-dev"),
]


def die(message: str) -> None:
    sys.exit(f"nestvec: error: {message}")


def only(files: list[Path], what: str) -> Path:
    """The last of them: of the newest version where there are several."""
    if not files:
        die(f"cannot find {what}")
    return sorted(files)[-1]


def header_number(root: Path, header: str, pattern: str) -> str:
    file = root / "usr/include" / header
    if not file.exists():
        file = only(list((root / "usr/include").glob(f"*/{header}")), header)
    found = re.search(pattern, file.read_text(errors="replace"))
    if not found:
        die(f"{file} does not say which version it is")
    return found[1]


# What a header says of the version, which is there in a sysroot, too.
HEADERS = {
    "boost": ("boost/version.hpp", r'BOOST_LIB_VERSION "([\d_]+)"'),
    "cli11": ("CLI/Version.hpp", r'CLI11_VERSION "([\d.]+)"'),
    "nghttp2": ("nghttp2/nghttp2ver.h", r'NGHTTP2_VERSION "([\d.]+)"'),
    "openssl": ("openssl/opensslv.h", r'OPENSSL_VERSION_STR "([\d.]+)"'),
    "zlib": ("zlib.h", r'ZLIB_VERSION "([\d.]+)"'),
}


def zstd_version(root: Path) -> str:
    parts = [header_number(root, "zstd.h", rf"ZSTD_VERSION_{part}\s+(\d+)") for part in ("MAJOR", "MINOR", "RELEASE")]
    return ".".join(parts)


def find(library: Library, arguments: argparse.Namespace) -> tuple[str, Path]:
    """Its version and its copyright file."""
    if library.package == BUILT:
        folder = arguments.static / "doc"
        return (folder / f"{library.name}.version").read_text().strip(), folder / f"{library.name}.copyright"
    copyrights = (arguments.root / "usr/share/doc").glob(f"{library.package}/copyright")
    copyright_file = only(list(copyrights), f"the copyright of {library.package}")
    if library.name == "zstd":
        return zstd_version(arguments.root), copyright_file
    if library.name == "libstdc++":
        return copyright_file.parent.name.split("-")[1], copyright_file
    return header_number(arguments.root, *HEADERS[library.name]).replace("_", "."), copyright_file


def onnxruntime_version(folder: Path) -> str:
    library = only(list(folder.glob("lib/libonnxruntime.so.*.*.*")), f"ONNX Runtime in {folder}")
    return library.name.removeprefix("libonnxruntime.so.")


def entry(name: str, version: str, licence: str, supplier: str = "NOASSERTION") -> dict:
    return {
        "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name),
        "name": name,
        "versionInfo": version,
        "supplier": supplier,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": licence,
        "licenseDeclared": licence,
        "copyrightText": "NOASSERTION",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", required=True)
    parser.add_argument("--arch", required=True)
    parser.add_argument("--date", type=int, required=True, help="seconds since 1970")
    parser.add_argument("--static", type=Path, required=True, help="build/static-ARCH")
    parser.add_argument("--root", type=Path, required=True, help="where usr/include of the libraries lies")
    parser.add_argument("--onnxruntime", type=Path, required=True)
    parser.add_argument("--licences", type=Path, required=True, help="a folder to write them to")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    arguments.licences.mkdir(parents=True, exist_ok=True)
    packages = []
    for library in LIBRARIES:
        version, licence = find(library, arguments)
        shutil.copyfile(licence, arguments.licences / library.name)
        packages.append(entry(library.name, version, library.licence))
    packages.append(entry("onnxruntime", onnxruntime_version(arguments.onnxruntime), "MIT"))
    for name in ("LICENSE", "ThirdPartyNotices.txt"):
        source = arguments.onnxruntime / name
        if not source.exists():
            die(f"{source} is not there")
        shutil.copyfile(source, arguments.licences / f"onnxruntime-{name.removesuffix('.txt')}")

    nestvec = entry("nestvec", arguments.version, "Apache-2.0", "Organization: The nestvec authors")
    described = json.dumps([nestvec, packages], sort_keys=True)
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"nestvec-{arguments.version}-linux-{arguments.arch}",
        # A name that is the same for the same contents.
        "documentNamespace": "https://spdx.org/spdxdocs/nestvec-"
        f"{arguments.version}-{arguments.arch}-{hashlib.sha256(described.encode()).hexdigest()[:16]}",
        "creationInfo": {
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(arguments.date)),
            "creators": [f"Tool: nestvec-write_sbom-{arguments.version}"],
        },
        "packages": [nestvec, *packages],
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relationshipType": "DESCRIBES",
                "relatedSpdxElement": nestvec["SPDXID"],
            },
            *(
                {
                    "spdxElementId": nestvec["SPDXID"],
                    "relationshipType": "CONTAINS" if package["name"] == "onnxruntime" else "STATIC_LINK",
                    "relatedSpdxElement": package["SPDXID"],
                }
                for package in packages
            ),
        ],
    }
    arguments.output.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
