using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Rag.Indexing;

/// <summary>
/// The integer dot product of a row (int8) and a query (int16), for each instruction set; all give the same number. The
/// length is a multiple of <see cref="QuantizedVector.Lane"/>, and the sum fits 32 bits by <see cref="QuantizedQuery"/>.
/// </summary>
internal static unsafe class VectorScanKernels
{
    internal interface IKernel
    {
        static abstract int Dot(sbyte* row, short* query, int length);
    }

    /// <summary>The same over spans of equal length; for single rows and for comparing the kernels.</summary>
    public static int Dot<TKernel>(ReadOnlySpan<sbyte> row, ReadOnlySpan<short> query) where TKernel : IKernel
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(row.Length, query.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(row.Length % QuantizedVector.Lane, 0);
        fixed (sbyte* r = row)
        fixed (short* q = query)
        {
            return TKernel.Dot(r, q, row.Length);
        }
    }

    /// <summary>AVX-512BW: 32 at a time.</summary>
    public readonly struct Wide512 : IKernel
    {
        public static int Dot(sbyte* row, short* query, int length)
        {
            var sum = Vector512<int>.Zero;
            for (int i = 0; i < length; i += 32)
            {
                var values = Avx512BW.ConvertToVector512Int16(Vector256.Load(row + i));
                sum += Avx512BW.MultiplyAddAdjacent(values, Vector512.Load(query + i));
            }
            return Vector512.Sum(sum);
        }
    }

    /// <summary>AVX2: 16 at a time.</summary>
    public readonly struct Wide256 : IKernel
    {
        public static int Dot(sbyte* row, short* query, int length)
        {
            Vector256<int> even = default, odd = default;
            for (int i = 0; i < length; i += 32)
            {
                even += Avx2.MultiplyAddAdjacent(Avx2.ConvertToVector256Int16(Vector128.Load(row + i)), Vector256.Load(query + i));
                odd += Avx2.MultiplyAddAdjacent(Avx2.ConvertToVector256Int16(Vector128.Load(row + i + 16)), Vector256.Load(query + i + 16));
            }
            return Vector256.Sum(even + odd);
        }
    }

    /// <summary>Any processor with 128-bit vectors.</summary>
    public readonly struct Wide128 : IKernel
    {
        public static int Dot(sbyte* row, short* query, int length)
        {
            Vector128<int> low = default, high = default;
            for (int i = 0; i < length; i += 16)
            {
                var (first, second) = Vector128.Widen(Vector128.Load(row + i));
                var (a, b) = Vector128.Widen(first);
                var (c, d) = Vector128.Widen(second);
                var (p, q) = Vector128.Widen(Vector128.Load(query + i));
                var (r, s) = Vector128.Widen(Vector128.Load(query + i + 8));
                low += a * p + b * q;
                high += c * r + d * s;
            }
            return Vector128.Sum(low + high);
        }
    }

    /// <summary>Any processor.</summary>
    public readonly struct Scalar : IKernel
    {
        public static int Dot(sbyte* row, short* query, int length)
        {
            int sum = 0;
            for (int i = 0; i < length; i++) sum += row[i] * query[i];
            return sum;
        }
    }
}
