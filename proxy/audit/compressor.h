#pragma once

#include "proxy/audit/segment.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace stepgate::proxy::audit
{

/// Compresses closed segments on a (nice) thread of its own: `x.sgj` becomes `x.sgj.zst`, which is read back and
/// compared before the plain file goes. What is not done at the end is done by the next start.
class Compressor
{
  public:
    explicit Compressor(std::function<void(const std::string&)> on_problem);
    ~Compressor();
    void add(SegmentFile segment);

    struct Impl;

  private:
    std::unique_ptr<Impl> impl_;
};

/// One segment, at once. The error is a sentence for the log.
[[nodiscard]] boost::system::result<void, Problem> compress_segment(const SegmentFile& segment);

} // namespace stepgate::proxy::audit
