#pragma once

#include "proxy/audit/writer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <string>

namespace stepgate::proxy::audit
{

/// A directory that goes away with the test, and clocks that stand still.
class AuditTest : public testing::Test
{
  protected:
    AuditTest()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "stepgate-audit-XXXXXX").string();
        root_ = mkdtemp(pattern.data());
        directory_ = root_ / "audit";
    }
    ~AuditTest() override { std::filesystem::remove_all(root_); }

    [[nodiscard]] WriterOptions options() const
    {
        WriterOptions options;
        options.directory = directory_;
        options.compress = false;
        options.flush_every = std::chrono::milliseconds{1};
        options.clock = [] { return TimePoint{std::chrono::seconds{1'800'000'000}}; };
        return options;
    }
    [[nodiscard]] static std::unique_ptr<Writer> open(WriterOptions options)
    {
        auto writer = Writer::open(std::move(options));
        EXPECT_TRUE(writer.has_value()) << (writer ? "" : writer.error().message);
        return writer ? std::move(*writer) : nullptr;
    }
    [[nodiscard]] static Record event(Type type, std::vector<Field> fields = {}, std::string session = "",
                                      std::string user = "")
    {
        return {type, TimePoint{std::chrono::seconds{1'700'000'000}}, std::move(session), std::move(user),
                std::move(fields)};
    }
    /// Submits and waits until it is on disk, or until that failed.
    static boost::system::error_code durable(Writer& writer, Record record)
    {
        std::promise<boost::system::error_code> done;
        if (!writer.submit(std::move(record), [&](boost::system::error_code error) { done.set_value(error); }))
            return errc::io;
        return done.get_future().get();
    }
    static std::string slurp(const std::filesystem::path& file)
    {
        std::ifstream in{file, std::ios::binary};
        return {std::istreambuf_iterator<char>{in}, {}};
    }
    static void spill(const std::filesystem::path& file, const std::string& content)
    {
        std::ofstream{file, std::ios::binary} << content;
    }

    std::filesystem::path root_, directory_;
};

} // namespace stepgate::proxy::audit
