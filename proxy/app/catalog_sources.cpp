#include "proxy/app/catalog_sources.h"

#include "proxy/upstream/mysql_catalog.h"

#include <pthread.h>

#include <algorithm>
#include <future>
#include <memory>
#include <thread>
#include <utility>

namespace stepgate::proxy::app
{

std::variant<upstream::CatalogSource, std::string> catalog_source(const Listener& listener, std::string_view database)
{
    if (!listener.reads_catalog())
        return "listener " + listener.name +
               R"( names no account to read catalogs with: catalog = {user = "…", password = {env = "…"}})";
    const auto& upstream = listener.upstream;
    const bool own_account = !listener.catalog.user.empty();
    upstream::CatalogSource source;
    source.host = upstream.host;
    source.port = upstream.port;
    source.user = own_account ? listener.catalog.user : upstream.user;
    source.database = upstream.database.value_or(std::string{database});
    if (source.database.empty())
        source.database = source.user;
    source.tls_mode = to_string(upstream.tls);
    source.ca = upstream.ca.string();
    source.certificate = upstream.certificate.string();
    source.key = upstream.key.string();
    const auto& secret = own_account ? listener.catalog.password : upstream.password;
    if (!secret)
        return source;
    auto password = secret->read();
    if (!password)
        return "listener " + listener.name + ": the password for reading catalogs cannot be read";
    source.password = std::move(*password);
    return source;
}

namespace
{

std::atomic<int> at_work{0};

/// On a thread that owns all that it uses, so that it can be left behind.
upstream::CatalogRead read_unless(const std::atomic<bool>& stopping, const Listener& listener,
                                  upstream::CatalogSource source)
{
    constexpr auto tick = std::chrono::milliseconds{50}, moment = std::chrono::milliseconds{500};
    const auto given_up = std::make_shared<std::atomic<bool>>(false);
    std::packaged_task<upstream::CatalogRead()> reading{[given_up, listener, source = std::move(source)]() mutable {
        source.stopping = given_up.get();
        return read_catalog_from(listener, source);
    }};
    auto answer = reading.get_future();
    ++at_work;
    std::thread{[reading = std::move(reading)]() mutable {
        ::pthread_setname_np(::pthread_self(), "catalog read"); // for `top -H`
        reading();
        --at_work;
    }}.detach();
    while (answer.wait_for(tick) != std::future_status::ready) {
        if (!stopping)
            continue;
        *given_up = true;
        if (answer.wait_for(moment) != std::future_status::ready)
            return {"stepgate ends"};
    }
    return answer.get();
}

} // namespace

upstream::CatalogRead read_catalog_from(const Listener& listener, const upstream::CatalogSource& source)
{
    return listener.protocol == Protocol::mysql ? upstream::read_mysql_catalog(source) : upstream::read_catalog(source);
}

upstream::CatalogRead read_catalog_of(const std::vector<Listener>& listeners, const std::string& name,
                                      const std::string& database, const std::vector<std::int32_t>& backends,
                                      const std::atomic<bool>& stopping)
{
    const auto listener = std::ranges::find(listeners, name, &Listener::name);
    if (listener == listeners.end())
        return {"there is no listener " + name};
    auto source = catalog_source(*listener, database);
    if (auto* missing = std::get_if<std::string>(&source))
        return {std::move(*missing)};
    auto& found = std::get<upstream::CatalogSource>(source);
    found.backends = backends;
    return read_unless(stopping, *listener, std::move(found));
}

bool readings_at_work()
{
    return at_work.load() > 0;
}

} // namespace stepgate::proxy::app
