// A server that says just enough to log in and to answer every query with one row: for measuring the proxy with more
// sessions than a real server would take. One thread. Prints its port; ends when its standard input does.
// Usage: scripted_server
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <unordered_map>

namespace
{

constexpr std::uint32_t ssl_request = 80877103, cancel_request = 80877102, gss_request = 80877104;

std::string integer(std::uint32_t value)
{
    std::string bytes(4, '\0');
    for (std::size_t i = 0; i < 4; ++i)
        bytes[i] = static_cast<char>(value >> (24 - 8 * i));
    return bytes;
}

std::uint32_t integer_at(std::string_view bytes)
{
    std::uint32_t value = 0;
    for (const char byte : bytes.substr(0, 4))
        value = value << 8 | static_cast<unsigned char>(byte);
    return value;
}

std::string message(char type, const std::string& body)
{
    return type + integer(static_cast<std::uint32_t>(body.size() + 4)) + body;
}

std::string parameter(const std::string& name, const std::string& value)
{
    return message('S', name + '\0' + value + '\0');
}

std::string value(const std::string& text)
{
    return message('D', std::string{"\0\1", 2} + integer(static_cast<std::uint32_t>(text.size())) + text);
}

const std::string ready = message('Z', "I");

/// One client of the server: what it has sent that is not a whole message yet.
class Session
{
  public:
    explicit Session(std::uint32_t process) : process_{process} {}

    /// What to answer; false: the client is done.
    bool take(std::string_view bytes, std::string& answer)
    {
        left_ += bytes;
        for (;;) {
            const std::size_t type = started_ ? 1 : 0;
            if (left_.size() < type + 4)
                return true;
            const std::size_t size = type + integer_at(std::string_view{left_}.substr(type));
            if (size < type + 4 || left_.size() < size)
                return size >= type + 4;
            const std::string whole = left_.substr(0, size);
            left_.erase(0, size);
            if (!(started_ ? on_message(whole, answer) : on_startup(whole, answer)))
                return false;
        }
    }

  private:
    bool on_startup(std::string_view packet, std::string& answer)
    {
        const std::uint32_t code = packet.size() >= 8 ? integer_at(packet.substr(4)) : 0;
        if (code == cancel_request)
            return false;
        if (code == ssl_request || code == gss_request) {
            answer += 'N';
            return true;
        }
        started_ = true;
        answer += message('R', integer(0)) + parameter("server_version", "15.0") +
                  parameter("client_encoding", "UTF8") + parameter("standard_conforming_strings", "on") +
                  message('K', integer(process_) + integer(process_ * 2654435761U)) + ready;
        return true;
    }

    bool on_message(std::string_view whole, std::string& answer)
    {
        static const std::string column = std::string{"\0\1?column?\0", 11} + std::string(6, '\0') + integer(23) +
                                          std::string{"\0\4", 2} + integer(~0U) + std::string(2, '\0');
        static const std::string row = message('D', std::string{"\0\1\0\0\0\1"
                                                                "1",
                                                                7}) +
                                       message('C', std::string{"SELECT 1\0", 9});
        switch (whole.front()) {
        case 'Q':
            if (whole.find("SHOW search_path") != whole.npos) // what a proxy asks behind its login
                answer += value("app") + value("public") + value("on") + value("off") + value("origin");
            else
                answer += message('T', column) + row;
            answer += ready;
            return true;
        case 'P':
            answer += message('1', "");
            return true;
        case 'B':
            answer += message('2', "");
            return true;
        case 'E':
            answer += row;
            return true;
        case 'S':
            answer += ready;
            return true;
        case 'X':
            return false;
        default:
            return true;
        }
    }

    std::uint32_t process_;
    std::string left_;
    bool started_ = false;
};

void answer_client(int epoll, int client, std::unordered_map<int, Session>& sessions)
{
    std::array<char, 65536> bytes{};
    const auto got = ::recv(client, bytes.data(), bytes.size(), 0);
    std::string answer;
    const bool alive = got > 0 && sessions.at(client).take({bytes.data(), static_cast<std::size_t>(got)}, answer);
    if (alive && (answer.empty() || ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL) > 0))
        return;
    ::epoll_ctl(epoll, EPOLL_CTL_DEL, client, nullptr);
    sessions.erase(client);
    ::close(client);
}

void watch(int epoll, int descriptor)
{
    epoll_event event{EPOLLIN, {.fd = descriptor}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

} // namespace

int main()
{
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    const int listening = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listening, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listening, 4096) != 0 ||
        ::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        std::perror("scripted_server");
        return 1;
    }
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    const int epoll = ::epoll_create1(0);
    watch(epoll, listening);
    watch(epoll, STDIN_FILENO);
    std::unordered_map<int, Session> sessions;
    std::uint32_t process = 0;
    std::array<epoll_event, 256> events{};
    for (;;) {
        const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
            if (descriptor == STDIN_FILENO)
                return 0;
            if (descriptor != listening) {
                answer_client(epoll, descriptor, sessions);
                continue;
            }
            const int client = ::accept(listening, nullptr, nullptr);
            if (client < 0)
                continue;
            const int on = 1;
            ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            sessions.insert_or_assign(client, Session{++process});
            watch(epoll, client);
        }
    }
}
