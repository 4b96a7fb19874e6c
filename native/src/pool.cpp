#include "pool.h"

#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static constexpr auto kSpin = std::chrono::microseconds(50);

static void pause() {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

void Gate::wait(uint64_t past) {
    const auto until = std::chrono::steady_clock::now() + kSpin;
    do
        for (int turn = 0; turn < 64; turn++) {
            if (count_.load() != past) return;
            pause();
        }
    while (std::chrono::steady_clock::now() < until);
    std::unique_lock<std::mutex> lock(mutex_);
    sleepers_.fetch_add(1);
    wake_.wait(lock, [&] { return count_.load() != past; });
    sleepers_.fetch_sub(1);
}

bool Pool::try_run(const std::function<void(int)>& work) {
    const std::unique_lock<std::mutex> lock(running_, std::try_to_lock);
    if (!lock) return false;
    if (others_.empty()) start();
    work_ = &work;
    begun_.advance();
    work(0);
    done_.wait();
    return true;
}

void Pool::start() {
    others_.reserve(threads_ - 1);
    try {
        for (int index = 1; index < threads_; index++)
            others_.emplace_back([this, index, past = begun_.now()] { serve(index, past); });
    } catch (...) {  // the system gives no more
        end();
        throw;
    }
}

void Pool::serve(int index, uint64_t past) {
    for (;; past++) {
        begun_.wait(past);
        if (!work_) return;
        (*work_)(index);
        done_.wait();
    }
}

void Pool::end() {
    work_ = nullptr;
    begun_.advance();
    for (auto& thread : others_) thread.join();
    others_.clear();
}

Pool::~Pool() { end(); }
