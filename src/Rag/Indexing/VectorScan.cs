using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Rag.Indexing;

/// <summary>A row and its cosine with the query.</summary>
internal readonly record struct VectorHit(int Row, float Score);

/// <summary>
/// Exact search: the query against every row. Deterministic on every processor and with any number of threads, for the
/// dot products are integers: hits by falling score, equal scores by rising row.
/// </summary>
internal static unsafe class VectorScan
{
    public const int MaxHits = 10_000;

    /// <summary>Fewer rows than this a thread are not worth handing over (some 0.3 ms of work).</summary>
    private const int MinRowsPerThread = 16_384;

    /// <summary>The best rows.</summary>
    /// <param name="rows">Whole rows after <see cref="QuantizedVector"/>, such as a memory-mapped file's.</param>
    /// <param name="query">Of the rows' dimensions.</param>
    /// <param name="rowToDoc">The document of each row, at least as many as there are rows; negative where the row is dead.</param>
    /// <param name="allowedDocs">One bit a document, bit d&amp;63 of word d/64; empty where all are allowed, and a document beyond its end is not.</param>
    /// <param name="k">1 to <see cref="MaxHits"/>.</param>
    /// <param name="threads">The most threads to use, the caller's included.</param>
    public static VectorHit[] TopK(
        ReadOnlySpan<byte> rows, QuantizedQuery query, ReadOnlySpan<int> rowToDoc, ReadOnlySpan<ulong> allowedDocs, int k, int threads = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(k, MaxHits);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        int rowBytes = QuantizedVector.RowBytes(query.Dimensions);
        int count = Math.DivRem(rows.Length, rowBytes, out int rest);
        if (rest != 0) throw new ArgumentException($"{rows.Length} bytes are no whole number of rows of {rowBytes}.", nameof(rows));
        if (rowToDoc.Length < count) throw new ArgumentException($"{count} rows have only {rowToDoc.Length} documents.", nameof(rowToDoc));

        int parts = Math.Clamp(count / MinRowsPerThread, 1, threads);
        fixed (byte* rowsStart = rows)
        fixed (int* docsStart = rowToDoc)
        fixed (ulong* allowedStart = allowedDocs)
        fixed (short* values = query.Values)
        {
            var pass = new Pass(rowsStart, values, query.Values.Length, query.Scale, docsStart, allowedStart, allowedDocs.Length);
            if (parts == 1) return pass.Run(0, count, k).Sorted();

            // Parallel.For returns when every part has ended, so that what is pinned outlives its use.
            var heaps = new VectorScanHeap[parts];
            Parallel.For(0, parts, new ParallelOptions { MaxDegreeOfParallelism = parts }, part =>
                heaps[part] = pass.Run((int)((long)count * part / parts), (int)((long)count * (part + 1) / parts), k));
            for (int part = 1; part < parts; part++) heaps[0].AddAll(heaps[part]);
            return heaps[0].Sorted();
        }
    }

    /// <summary>The cosine of one row and the query, the same that <see cref="TopK"/> gives it.</summary>
    public static float Score(ReadOnlySpan<byte> row, QuantizedQuery query)
    {
        int rowBytes = QuantizedVector.RowBytes(query.Dimensions);
        if (row.Length != rowBytes) throw new ArgumentException($"A row has {rowBytes} bytes, not {row.Length}.", nameof(row));
        int padded = query.Values.Length;
        // One row is no work to choose an instruction set for: all give the same number.
        int dot = VectorScanKernels.Dot<VectorScanKernels.Wide128>(MemoryMarshal.Cast<byte, sbyte>(row[..padded]), query.Values);
        return Cosine(dot, MemoryMarshal.Read<float>(row[padded..]), query.Scale);
    }

    private static float Cosine(int dot, float rowScale, float queryScale) => dot * (queryScale * rowScale);

    /// <summary>What every thread of one search reads.</summary>
    private sealed class Pass(
        byte* rows, short* query, int padded, float scale, int* rowToDoc, ulong* allowed, int allowedWords)
    {
        public VectorScanHeap Run(int first, int end, int k)
        {
            var heap = new VectorScanHeap(Math.Min(k, Math.Max(1, end - first)));
            // Not accelerated is what the runtime says of processors that slow down at 512 bits.
            if (Vector512.IsHardwareAccelerated && Avx512BW.IsSupported) Scan<VectorScanKernels.Wide512>(first, end, heap);
            else if (Avx2.IsSupported) Scan<VectorScanKernels.Wide256>(first, end, heap);
            else if (Vector128.IsHardwareAccelerated) Scan<VectorScanKernels.Wide128>(first, end, heap);
            else Scan<VectorScanKernels.Scalar>(first, end, heap);
            return heap;
        }

        private void Scan<TKernel>(int first, int end, VectorScanHeap heap) where TKernel : VectorScanKernels.IKernel
        {
            int rowBytes = padded + sizeof(float);
            byte* row = rows + (long)first * rowBytes;
            float least = heap.Least;
            for (int i = first; i < end; i++, row += rowBytes)
            {
                int doc = rowToDoc[i];
                if (doc < 0) continue;
                if (allowedWords > 0 && (doc >> 6 >= allowedWords || (allowed[doc >> 6] >> (doc & 63) & 1) == 0)) continue;
                float score = Cosine(TKernel.Dot((sbyte*)row, query, padded), Unsafe.ReadUnaligned<float>(row + padded), scale);
                // Rows come in rising order, so that an equal score never displaces; a scale of NaN never enters.
                if (score > least) least = heap.Add(new(i, score));
            }
        }
    }
}
