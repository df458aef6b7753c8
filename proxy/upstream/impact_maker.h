#pragma once

#include "proxy/upstream/impact.h"

#include <cstdint>
#include <string>
#include <vector>

namespace stepgate::proxy::upstream
{

/// One estimate in the making: what is asked, and for how long. A dialect asks.
class ImpactMaker
{
  public:
    virtual ~ImpactMaker() = default;
    ImpactMaker(const ImpactMaker&) = delete;
    ImpactMaker& operator=(const ImpactMaker&) = delete;

    [[nodiscard]] ImpactEstimate make();

  protected:
    explicit ImpactMaker(const ImpactRequest& request) : request_{request} {}

    // Each notes what failed with `problem`.
    [[nodiscard]] virtual std::string take_error() = 0; // of what was asked last; "" nothing failed
    [[nodiscard]] virtual bool alive() const = 0;
    [[nodiscard]] virtual bool begin() = 0; // the session's settings; false: texts would mean something else
    virtual void locks(std::int64_t process) = 0;
    virtual void cascades(const std::string& table) = 0;
    virtual void size(const std::string& table) = 0;
    virtual void plan(const ImpactStatement& statement) = 0;

    void problem(std::string text); // the first one is told
    bool failed(const char* what);  // then it is a problem
    void add_rows(std::int64_t rows);
    static void add(std::vector<std::string>& to, std::string text); // once
    /// "public.orders (rows are deleted; about 800 rows in all)".
    void add_cascade(const std::string& table, bool deleted, std::optional<std::int64_t> rows);

    ImpactEstimate out_;

  private:
    void statement(const ImpactStatement& statement);

    const ImpactRequest& request_;
};

} // namespace stepgate::proxy::upstream
