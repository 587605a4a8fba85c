// One step of MomentAdam in one pass over memory. Compiled once for each form of the rule, which the macros select:
// the compiler then sees straight code for one element and makes vector code of it. `rule.py` is the
// reference; the names are the same.
//
// REAL            float or double
// ORDER           p where it is 2, 3, 4, 6 or 8; ORDER_NONE, ORDER_INFINITE; ORDER_ANY takes it from the numbers
// MIX             MIX_NONE, MIX_DIRECTION (add and convex) or MIX_INJECT
// GATE            GATE_NONE, GATE_CAUTIOUS, GATE_AGREE or GATE_COSINE
// CENTRAL, SKEWNESS, QUASI, FLOORED    0 or 1
// CUBE_UNIT_, CUBE_LIMIT_    the unit and the largest r of the average of cubes
// COEFFICIENTS    the names of the numbers, in their order

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

enum { ORDER_ANY = -3, ORDER_INFINITE, ORDER_NONE };
enum { MIX_NONE, MIX_DIRECTION, MIX_INJECT };
enum { GATE_NONE, GATE_CAUTIOUS, GATE_AGREE, GATE_COSINE };

#define INLINE static inline __attribute__((always_inline))

using real = REAL;

struct Coefficients {
    double COEFFICIENTS;
};

// (1 - weight) X + weight Y as kept X + weight (Y - moved X): for a small weight a step from X to Y, which keeps every
// digit of X; for a large one a sum, in which X may be as good as gone.
struct Blend {
    real kept, weight, moved;
    real old_change, new_root;  // (1 - weight)^(1/p) - 1 and weight^(1/p), where X and Y are p-th powers
};

static Blend blend(double weight, double p) {
    const real change = real(weight < 1 ? std::expm1(std::log1p(-weight) / p) : -1);
    const real new_root = real(std::pow(weight, 1 / p));
    if (weight <= 0.5) return {1, real(weight), 1, change, new_root};
    return {real(1 - weight), real(weight), 0, change, new_root};
}

INLINE real blended(real x, real y, const Blend &b) { return b.kept * x + b.weight * (y - b.moved * x); }

// The same numbers as the arithmetic takes them. A complement such as 1 - beta loses its digits if it is made of floats.
struct Numbers {
    real order, inverse_order, sign, lr, kept, coupled_decay;
    real beta2, new2;
    Blend short_memory, long_memory, moment, skewness, quasi;
    real short_, gradient, long_, skew, injection;
    real inverse_divisor, inverse_debias2, inverse_gauss, floor, skew_denominator, eps;
    bool takes_gradient, coupled;
};

// Ascent, coupled decay and memories shorter than two steps are rare: loops without them have fewer operations. A choice
// left to each element would keep the compiler from making vector code of a loop.
enum Loop { USUAL_WITHOUT_GRADIENT, USUAL, GENERAL, COUPLED };

static Loop loop_for(const Numbers &n) {
    if (n.coupled_decay != 0) return COUPLED;
    for (const Blend *b : {&n.short_memory, &n.long_memory, &n.moment, &n.skewness, &n.quasi})
        if (b->moved != 1) return GENERAL;
    if (n.sign != 1) return GENERAL;
    return n.gradient == 0 ? USUAL_WITHOUT_GRADIENT : USUAL;
}

// The same numbers with what the compiler can then leave out written out.
template <Loop LOOP> INLINE Numbers written_out(Numbers n) {
    n.takes_gradient = LOOP != USUAL_WITHOUT_GRADIENT;
    n.coupled = LOOP == COUPLED;
    if constexpr (LOOP == USUAL || LOOP == USUAL_WITHOUT_GRADIENT) {
        n.sign = 1;
        n.short_memory.kept = n.short_memory.moved = n.long_memory.kept = n.long_memory.moved = 1;
        n.moment.kept = n.moment.moved = n.skewness.kept = n.skewness.moved = n.quasi.kept = n.quasi.moved = 1;
    }
    return n;
}

// The memories of one tensor; null where the form has none.
struct Tensor {
    real *theta;
    const real *grad;
    real *m, *s, *l, *c;
};

// What one tensor's reductions found: the number that agree, or the parts of a cosine.
struct Sums {
    double first = 0, second = 0, third = 0;
};

constexpr int64_t CHUNK = 1 << 14;
constexpr real TINY = 1e-30;
constexpr real CUBE_UNIT = CUBE_UNIT_, CUBE_LIMIT = CUBE_LIMIT_;

INLINE real larger(real x, real y) { return x > y ? x : y; }
INLINE real sign(real x) { return x > 0 ? real(1) : x < 0 ? real(-1) : real(0); }
INLINE bool agree(real x, real y) { return ((x > 0) & (y > 0)) | ((x < 0) & (y < 0)); }

// Powers and roots, of operations that a compiler can make vector code of: it has none for pow and cbrt.

template <typename To, typename From> INLINE To bit_cast(From from) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    std::memcpy(&to, &from, sizeof to);
    return to;
}

template <typename T> struct Format;

template <> struct Format<float> {
    using Bits = int32_t;
    static constexpr int mantissa = 23;
};

template <> struct Format<double> {
    using Bits = int64_t;
    static constexpr int mantissa = 52;
};

using Bits = Format<real>::Bits;
constexpr int MANTISSA = Format<real>::mantissa;
constexpr Bits ONE = (Bits(1) << (8 * sizeof(real) - 2)) - (Bits(1) << MANTISSA);  // the bits of 1.0
constexpr Bits LARGEST_EXPONENT = 2 * ONE - (Bits(1) << MANTISSA);                 // whose reciprocal is normal

// A power of two near x >= 0, and its reciprocal: to scale by without rounding.
struct Scale {
    real up, down;
};

// c is the average of (CUBE_UNIT r)^3, q its signed cube root; power is (s scale.down)^p.
struct Element {
    real theta, g, r, m, s, l, c, q, power;
    Scale scale;
};

INLINE Scale scale_near(real x) {
    const Bits exponent = bit_cast<Bits>(x) & ~((Bits(1) << MANTISSA) - 1);
    const Bits bounded = exponent < LARGEST_EXPONENT ? exponent : LARGEST_EXPONENT;
    return {bit_cast<real>(bounded), bit_cast<real>(2 * ONE - bounded)};
}

template <int P> INLINE real whole_power(real x) {
    if constexpr (P == 1) return x;
    else if constexpr (P % 2 == 0) return whole_power<P / 2>(x * x);
    else return x * whole_power<P / 2>(x * x);
}

// Cube roots of x >= 0. One that is not exact leans to a side by half the last digit, which would add up over thousands of
// steps where an average is kept as its root.

template <bool EXACT> INLINE float cube_root(float x) {
    // A guess of y = x^(-1/3) that divides the exponent; h is how far x y^3 is from 1, at most 0.102.
    const int32_t bits = bit_cast<int32_t>(x);
    const float y = bit_cast<float>(int32_t(float(0x54a1f671) - float(bits) * (1.0f / 3)));
    const float guess = x * y * y, h = 1 - guess * y;
    // (1 - h)^(-2/3) = 1 + h (2/3 + ...), with the coefficients that make the largest error least.
    const float series = 0.66666668f + h * (0.55554182f + h * (0.49380358f + h * (0.45792732f + h * 0.42850679f)));
    const float root = guess + guess * h * series;
    return EXACT ? root + (x - root * root * root) * (y * y) * (1.0f / 3) : root;
}

template <bool EXACT> INLINE double cube_root(double x) { return std::cbrt(x); }

template <int P> INLINE real whole_root(real x) {
    if constexpr (P == 1) return x;
    else if constexpr (P == 3) return cube_root<true>(x);
    else return whole_root<P / 2>(std::sqrt(x));
}

// log2(1 + x) for x >= -1, and 2^x - 1: near 0 all digits of x count.

INLINE double log2_1p(double x) { return std::log1p(x) * 1.4426950408889634; }
INLINE double exp2_m1(double x) { return std::expm1(x * 0.6931471805599453); }

INLINE float log2_1p(float x) {
    const float sum = 1.0f + x;
    const int32_t bits = bit_cast<int32_t>(sum);
    const float mantissa = bit_cast<float>((bits & 0x007fffff) | 0x3f800000);
    const bool above = mantissa > 1.41421356f;
    const float m = above ? 0.5f * mantissa : mantissa;
    const float exponent = float((bits >> 23) - 127) + (above ? 1.0f : 0.0f);
    const float rest = exponent == 0.0f ? x : m - 1.0f;
    // ln m = 2 artanh((m - 1) / (m + 1)); the coefficients are 2 / (n ln 2).
    const float t = rest / (2.0f + rest), t2 = t * t;
    return exponent + t * (2.88539008f + t2 * (0.961796694f + t2 * (0.577078016f + t2 * (0.412198583f + t2 * 0.320598898f))));
}

INLINE float exp2_m1(float x) {
    const float bounded = larger(x, -126.0f);
    const float whole = std::floor(bounded + 0.5f), f = bounded - whole;
    // The series of e^(f ln 2) - 1 for |f| <= 1/2.
    const float series = f * (0.693147181f + f * (0.240226507f + f * (0.0555041087f + f * (0.00961812911f
        + f * (0.00133335581f + f * (0.000154035304f + f * 0.0000152527338f))))));
    const float scale = bit_cast<float>((int32_t(whole) + 127) << 23);
    return x < -126.0f ? -1.0f : scale * series + (scale - 1.0f);
}

// (x^p + y^p)^(1/p)
INLINE real power_sum(real x, real y, const Numbers &n) {
    const real big = larger(x, y), ratio = (x < y ? x : y) / larger(big, TINY);
    const real power = exp2_m1(n.order * log2_1p(ratio - real(1))) + real(1);
    return big + big * exp2_m1(n.inverse_order * log2_1p(power));
}

// ((1 - weight) x^p + weight y^p)^(1/p)
INLINE real power_mean(real x, real y, const Blend &b, const Numbers &n) {
    return power_sum(x + b.old_change * x, b.new_root * y, n);
}

// The average of cubes; within the limit no cube overflows. A nan stays one.
INLINE real average_cube(real c, real r, const Blend &b) {
    const real size = std::fabs(r), bounded = CUBE_LIMIT < size ? CUBE_LIMIT : size;
    return blended(c, std::copysign(whole_power<3>(bounded * CUBE_UNIT), r), b);
}

INLINE real signed_cube_root(real c) { return std::copysign(cube_root<false>(std::fabs(c)), c); }

// v = EMA(r^2) or s = EMA(|r|^p)^(1/p); orders with a form of their own are scaled against overflow and underflow.
INLINE void advance_moment(Element &e, const Numbers &n) {
    const real size = std::fabs(e.r);
    if constexpr (ORDER == 2) {
        e.s = n.beta2 * e.s + n.new2 * e.r * e.r + n.floor;
    } else if constexpr (ORDER > 0) {
        e.scale = scale_near(FLOORED ? larger(larger(e.s, size), n.floor) : larger(e.s, size));
        e.power = blended(whole_power<ORDER>(e.s * e.scale.down), whole_power<ORDER>(size * e.scale.down), n.moment);
        if constexpr (FLOORED) e.power += whole_power<ORDER>(n.floor * e.scale.down);
        e.s = whole_root<ORDER>(e.power) * e.scale.up;
    } else if constexpr (ORDER == ORDER_INFINITE) {
        e.s = larger(n.beta2 * e.s, size + n.eps);
    } else {
        e.s = power_mean(e.s, size, n.moment, n);
        if constexpr (FLOORED) e.s = power_sum(e.s, n.floor, n);
    }
}

// What `advance_moment` left beside s.
INLINE void recall_power(Element &e) {
    if constexpr (QUASI && ORDER > 2) {
        e.scale = scale_near(larger(e.s, std::fabs(e.r)));
        e.power = whole_power<ORDER>(e.s * e.scale.down);
    }
}

// g and r of an element whose memories are as they should be seen: l before the injection, m after the step.
INLINE real gradient(const Element &e, real grad, const Numbers &n) {
    real g = n.sign * grad;
    if constexpr (MIX == MIX_INJECT) g += n.injection * e.l;
    return n.coupled ? g + n.coupled_decay * e.theta : g;
}

INLINE void load(Element &e, const Tensor &t, int64_t i) {
    e.theta = t.theta[i];
    e.m = t.m[i];
    if constexpr (ORDER != ORDER_NONE) e.s = t.s[i];
    if constexpr (MIX != MIX_NONE) e.l = t.l[i];
    if constexpr (SKEWNESS) e.c = t.c[i];
}

INLINE void advance(Element &e, const Tensor &t, int64_t i, const Numbers &n) {
    load(e, t, i);
    if constexpr (MIX == MIX_INJECT) t.l[i] = e.l = blended(e.l, n.sign * t.grad[i], n.long_memory);
    e.g = gradient(e, t.grad[i], n);
    t.m[i] = e.m = blended(e.m, e.g, n.short_memory);
    if constexpr (MIX == MIX_DIRECTION) t.l[i] = e.l = blended(e.l, e.g, n.long_memory);
    e.r = CENTRAL ? e.g - e.m : e.g;
    if constexpr (ORDER != ORDER_NONE) {
        advance_moment(e, n);
        t.s[i] = e.s;
    }
    if constexpr (SKEWNESS) {
        t.c[i] = e.c = average_cube(e.c, e.r, n.skewness);
        e.q = signed_cube_root(e.c);
    }
}

// The element as `advance` left it.
INLINE void load_advanced(Element &e, const Tensor &t, int64_t i, const Numbers &n) {
    load(e, t, i);
    e.g = gradient(e, t.grad[i], n);
    e.r = CENTRAL ? e.g - e.m : e.g;
    recall_power(e);
    if constexpr (SKEWNESS) e.q = signed_cube_root(e.c);
}

INLINE real numerator(const Element &e, real selected, const Numbers &n) {
    real u = n.short_ * e.m;
    if (n.takes_gradient) u += n.gradient * e.g;
    if constexpr (MIX == MIX_DIRECTION) {
        const real gated = GATE == GATE_AGREE ? (agree(e.l, e.m) ? e.l : 0) : GATE == GATE_COSINE ? selected * e.l : e.l;
        u += n.long_ * gated;
    }
    if constexpr (SKEWNESS) u += n.skew * e.q;
    return u;
}

INLINE real denominator(const Element &e, const Numbers &n) {
    real d;
    if constexpr (ORDER == ORDER_NONE) d = n.eps;
    else if constexpr (ORDER == ORDER_INFINITE) d = e.s;
    else if constexpr (QUASI && ORDER == 2) {
        const real root = std::sqrt(e.s) * n.inverse_divisor, today = std::fabs(e.r);
        const Scale scale = scale_near(larger(root, today));
        const real mean = blended(whole_power<2>(root * scale.down), whole_power<2>(today * scale.down), n.quasi);
        d = std::sqrt(mean) * (scale.up * n.inverse_gauss) + n.eps;
    } else if constexpr (QUASI && ORDER > 2) {
        const real today = whole_power<ORDER>(std::fabs(e.r) * e.scale.down);
        const real mean = blended(e.power * n.inverse_debias2, today, n.quasi);
        d = whole_root<ORDER>(mean) * (e.scale.up * n.inverse_gauss) + n.eps;
    } else {
        d = (ORDER == 2 ? std::sqrt(e.s) : e.s) * n.inverse_divisor;
        if constexpr (QUASI) d = power_mean(d, std::fabs(e.r), n.quasi, n) * n.inverse_gauss;
        d += n.eps;
    }
    if constexpr (SKEWNESS) d += n.skew_denominator * larger(e.q, 0);
    return d;
}

INLINE void move(const Tensor &t, int64_t i, const Element &e, real scale, const Numbers &n) {
    real u = numerator(e, scale, n);
    if constexpr (GATE == GATE_CAUTIOUS) u *= agree(u, e.g) ? scale : 0;
    t.theta[i] = n.kept * e.theta - n.lr * (u / denominator(e, n));
}

// A whole step of one element; or, where the direction needs a sum over the tensor first, its two parts.

INLINE void step(const Tensor &t, int64_t i, const Numbers &n) {
    Element e;
    advance(e, t, i, n);
    move(t, i, e, 1, n);
}

INLINE Sums step_memories(const Tensor &t, int64_t i, const Numbers &n) {
    Element e;
    advance(e, t, i, n);
    if constexpr (GATE == GATE_CAUTIOUS) return {agree(numerator(e, 1, n), e.g) ? 1.0 : 0.0, 0, 0};
    const double m = e.m, l = e.l;
    return {m * l, m * m, l * l};
}

INLINE void step_rest(const Tensor &t, int64_t i, real scale, const Numbers &n) {
    Element e;
    load_advanced(e, t, i, n);
    move(t, i, e, scale, n);
}

template <Loop LOOP> static void step_chunk(const Tensor t, int64_t begin, int64_t end, const Numbers given) {
    const Numbers n = written_out<LOOP>(given);
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) step(t, i, n);
}

template <Loop LOOP> static Sums advance_chunk(const Tensor t, int64_t begin, int64_t end, const Numbers given) {
    const Numbers n = written_out<LOOP>(given);
    double first = 0, second = 0, third = 0;
#pragma omp simd reduction(+ : first, second, third)
    for (int64_t i = begin; i < end; ++i) {
        const Sums one = step_memories(t, i, n);
        first += one.first;
        second += one.second;
        third += one.third;
    }
    return {first, second, third};
}

template <Loop LOOP> static void move_chunk(const Tensor t, int64_t begin, int64_t end, real scale, const Numbers given) {
    const Numbers n = written_out<LOOP>(given);
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) step_rest(t, i, scale, n);
}

static real gate_scale(const std::vector<Sums> &chunks, int64_t size) {
    Sums all;
    for (const Sums &one : chunks) {
        all.first += one.first;
        all.second += one.second;
        all.third += one.third;
    }
    if constexpr (GATE == GATE_CAUTIOUS) return real(double(size) / (all.first + 1));
    const double lengths = std::sqrt(all.second) * std::sqrt(all.third);
    const double cosine = all.first / (lengths > 0 ? lengths : 1);
    return real(cosine < 0 ? 0 : cosine);
}

template <Loop LOOP> static void step_tensor(const Tensor &t, int64_t size, const Numbers &n, int threads) {
    const int64_t chunks = (size + CHUNK - 1) / CHUNK;
    const auto end_of = [=](int64_t c) { return (c + 1) * CHUNK < size ? (c + 1) * CHUNK : size; };
    const bool parallel = threads > 1 && chunks > 1;
    if constexpr (GATE == GATE_CAUTIOUS || GATE == GATE_COSINE) {
        std::vector<Sums> sums(chunks);
#pragma omp parallel for num_threads(threads) if (parallel)
        for (int64_t c = 0; c < chunks; ++c) sums[c] = advance_chunk<LOOP>(t, c * CHUNK, end_of(c), n);
        const real scale = gate_scale(sums, size);
#pragma omp parallel for num_threads(threads) if (parallel)
        for (int64_t c = 0; c < chunks; ++c) move_chunk<LOOP>(t, c * CHUNK, end_of(c), scale, n);
    } else {
#pragma omp parallel for num_threads(threads) if (parallel)
        for (int64_t c = 0; c < chunks; ++c) step_chunk<LOOP>(t, c * CHUNK, end_of(c), n);
    }
}

extern "C" void moment_adam_step(
    int64_t count, const int64_t *sizes, const Tensor *tensors, const Coefficients *c, int coupled, int decoupled,
    int maximize, int short_only, int threads
) {
    Numbers n;
    n.order = real(c->order);
    n.inverse_order = c->order > 0 ? real(1 / c->order) : real(0);
    n.sign = maximize ? real(-1) : real(1);
    n.lr = real(c->lr);
    n.kept = decoupled ? real(1 - c->lr * c->weight_decay) : real(1);
    n.coupled_decay = coupled ? real(c->weight_decay) : real(0);
    n.beta2 = real(c->beta2);
    n.new2 = real(1 - c->beta2);
    n.short_memory = blend(1 - c->beta1, 1);
    n.long_memory = blend(1 - c->beta3, 1);
    const double order = c->order > 0 ? c->order : 1;
    n.moment = blend(1 - c->beta2, order);
    n.quasi = blend(1 - c->nu2, order);
    n.skewness = blend(1 - c->beta4, 3);
    n.short_ = short_only ? real(1 / c->debias1) : real(c->short_);
    n.gradient = short_only ? real(0) : real(c->gradient);
    n.long_ = real(c->long_);
    n.skew = real(c->skew / CUBE_UNIT);
    n.injection = real(c->injection);
    n.inverse_divisor = real(1 / c->divisor);
    n.inverse_debias2 = real(std::pow(c->divisor, -order));
    n.inverse_gauss = real(1 / c->gauss);
    n.floor = real(c->moment_floor);
    n.skew_denominator = real(c->skew_denominator / CUBE_UNIT);
    n.eps = real(c->eps);
    const auto step_tensor_of_loop = std::array{
        step_tensor<USUAL_WITHOUT_GRADIENT>, step_tensor<USUAL>, step_tensor<GENERAL>, step_tensor<COUPLED>
    }[loop_for(n)];
    for (int64_t i = 0; i < count; ++i) step_tensor_of_loop(tensors[i], sizes[i], n, threads);
}
