# Compiler flags for every target, the linker, and ccache.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "Sluice is built with clang 19; use the presets (cmake --preset release) or ./dev build")
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough -Werror
                    -fno-omit-frame-pointer -fstack-protector-strong)
add_link_options(-fuse-ld=lld -Wl,--gc-sections -Wl,-z,relro,-z,now)
add_compile_options(-ffunction-sections -fdata-sections)

if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # A precompiled header's time stamp and macros may differ where its contents do not.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
endif()
