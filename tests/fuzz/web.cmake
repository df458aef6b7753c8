# The parts of the web server that read what a browser sends before anybody is signed in, without the transport.
add_library(fuzz_web_parts STATIC ${CMAKE_SOURCE_DIR}/challenge-web/server/http_text.cpp
            ${CMAKE_SOURCE_DIR}/challenge-web/server/json_body.cpp ${CMAKE_SOURCE_DIR}/challenge-web/server/binary_value.cpp
            ${CMAKE_SOURCE_DIR}/challenge-web/server/readable.cpp ${CMAKE_SOURCE_DIR}/challenge-web/accounts/rfc3339.cpp
            ${CMAKE_SOURCE_DIR}/challenge-web/server/replies.cpp)
target_link_libraries(fuzz_web_parts PUBLIC stepgate_flags Boost::headers Boost::json)
stepgate_fuzzer(web_request fuzz_web_parts)
