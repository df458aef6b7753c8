#pragma once

namespace stepgate::policies::postgres
{

/// One level of nesting, for as long as it lives.
class Depth
{
  public:
    explicit Depth(int& depth) : depth_(++depth) {}
    ~Depth() { --depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

  private:
    int& depth_;
};

} // namespace stepgate::policies::postgres
