# SPDX-License-Identifier: Apache-2.0
# Run by CPack between installing and packing: what Debian's policy asks of files.
# One file under the name that programs ask for. CPack would count links as files of that size.
set(private ${CPACK_TEMPORARY_DIRECTORY}/Unspecified/usr/lib/nestvec)
file(REMOVE ${private}/libonnxruntime.so ${private}/libonnxruntime.so.1)
file(GLOB runtime ${private}/libonnxruntime.so.1.*)
file(RENAME ${runtime} ${private}/libonnxruntime.so.1)

foreach(package Unspecified development)
  set(tree ${CPACK_TEMPORARY_DIRECTORY}/${package})
  file(GLOB pages ${tree}/usr/share/man/man*/*.[1-9] ${tree}/usr/share/doc/*/changelog
    ${tree}/usr/share/doc/*/ThirdPartyNotices.txt)
  foreach(page IN LISTS pages)
    execute_process(COMMAND gzip -9n ${page} COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  # The licences are in `copyright`.
  file(GLOB licences ${tree}/usr/share/doc/*/LICENSE)
  # A library's mode: no program.
  file(GLOB_RECURSE libraries ${tree}/usr/lib/*.so*)
  foreach(library IN LISTS libraries)
    if(NOT IS_SYMLINK ${library})
      file(CHMOD ${library} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    endif()
  endforeach()
  if(licences)
    file(REMOVE ${licences})
  endif()
endforeach()
