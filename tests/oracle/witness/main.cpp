// oracle_witness: stands between psql and a server, and writes down what stepgate says of each statement and what the
// server says it did. See tests/oracle/README.md.
#include "tests/oracle/witness/session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string_view>
#include <thread>

namespace
{

using stepgate::oracle::Options;
using stepgate::oracle::Session;

/// A listening socket on loopback and any free port.
int listen_somewhere(int& port)
{
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (socket < 0 || ::bind(socket, generic, size) != 0 || ::listen(socket, 16) != 0 ||
        ::getsockname(socket, generic, &size) != 0)
        return -1;
    port = ntohs(address.sin_port);
    return socket;
}

} // namespace

int main(int argc, char** argv)
{
    Options options;
    std::string out_path;
    for (int at = 1; at < argc; ++at) {
        const std::string_view argument = argv[at];
        const auto equals = std::min(argument.find('='), argument.size());
        const std::string_view key = argument.substr(0, equals);
        const std::string value{argument.substr(std::min(equals + 1, argument.size()))};
        if (key == "--server")
            options.server = value;
        else if (key == "--server-log")
            options.server_log = value;
        else if (key == "--out")
            out_path = value;
        else if (key == "--no-catalog")
            options.catalog = false;
        else {
            std::cerr << "oracle_witness: unknown option " << argument << '\n';
            return 2;
        }
    }
    std::ofstream out{out_path, std::ios::app};
    int port = 0;
    const int listener = listen_somewhere(port);
    if (!out || options.server.empty() || options.server_log.empty() || listener < 0) {
        std::cerr << "usage: oracle_witness --server=CONNECTION --server-log=FILE --out=FILE [--no-catalog]\n";
        return 2;
    }
    std::cout << port << std::endl;
    // psql has one session at a time, and opens the next one before it closes the last.
    while (true) {
        const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0)
            return 1;
        const int at_once = 1;
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
        std::thread([client, &options, &out] { Session{client, options, out}.run(); }).detach();
    }
}
