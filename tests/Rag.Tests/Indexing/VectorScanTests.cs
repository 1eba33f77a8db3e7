using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using CsCheck;
using Rag.Indexing;
using Rag.Tests.Inference;
using Shouldly;
using Xunit;

namespace Rag.Tests.Indexing;

public sealed class VectorScanTests
{
    private static readonly Gen<float[]> AnyVector =
        Gen.Int[1, 100].SelectMany(n => Gen.Int[-1000, 1000].Select(i => i / 1000f).Array[n]).Where(v => v.Any(x => x != 0));

    [Fact]
    public void Every_instruction_set_gives_the_number_of_a_plain_loop()
    {
        Gen.Int[1, 256].Select(n => n * QuantizedVector.Lane)
            .SelectMany(n => Gen.Select(Gen.SByte.Array[n], Gen.Short[(short)-QuantizedQuery.Limit(n), (short)QuantizedQuery.Limit(n)].Array[n]))
            .Sample((row, query) => Compare(row, query), iter: 300);

        // The extremes, where an intermediate sum that is too narrow would show.
        foreach (int n in new[] { 32, 384, 1536, QuantizedVector.MaxDimensions })
        {
            short limit = (short)QuantizedQuery.Limit(n);
            foreach (sbyte value in new sbyte[] { sbyte.MinValue, sbyte.MaxValue })
            {
                Compare([.. Enumerable.Repeat(value, n)], [.. Enumerable.Repeat(limit, n)]);
                Compare([.. Enumerable.Repeat(value, n)], [.. Enumerable.Repeat((short)-limit, n)]);
            }
        }

        static void Compare(sbyte[] row, short[] query)
        {
            long expected = 0;
            for (int i = 0; i < row.Length; i++) expected += (long)row[i] * query[i];
            ((long)VectorScanKernels.Dot<VectorScanKernels.Scalar>(row, query)).ShouldBe(expected);
            ((long)VectorScanKernels.Dot<VectorScanKernels.Wide128>(row, query)).ShouldBe(expected);
            if (Avx2.IsSupported) ((long)VectorScanKernels.Dot<VectorScanKernels.Wide256>(row, query)).ShouldBe(expected);
            if (Avx512BW.IsSupported) ((long)VectorScanKernels.Dot<VectorScanKernels.Wide512>(row, query)).ShouldBe(expected);
        }
    }

    [Fact]
    public void A_row_keeps_the_length_and_nearly_the_direction_of_its_vector() =>
        AnyVector.Sample(vector =>
        {
            var row = new byte[QuantizedVector.RowBytes(vector.Length)];
            QuantizedVector.Write(vector, row);
            float[] back = QuantizedVector.Read(row, vector.Length);
            TensorPrimitives.Norm<float>(back).ShouldBe(TensorPrimitives.Norm<float>(vector), 1e-5);
            // Rounding is off by half a step of max/127 in each number, so by √n/2 steps in the length, which is
            // at least 127 steps: keeping the length moves a number, itself 127 steps at most, by √n/2 steps more.
            float step = Math.Abs(TensorPrimitives.MaxMagnitude<float>(vector)) / 127;
            for (int i = 0; i < vector.Length; i++) back[i].ShouldBe(vector[i], step * (0.51 + Math.Sqrt(vector.Length) / 2));
            return true;
        });

    [Fact]
    public void Scores_of_real_vectors_are_their_cosines_within_three_thousandths()
    {
        float[][] vectors = [.. ReferenceVectors.Entries.SelectMany(e => new[] { e.Int8, e.Fp32 })];
        double worst = 0, sum = 0;
        foreach (float[] stored in vectors)
        {
            var row = new byte[QuantizedVector.RowBytes(stored.Length)];
            QuantizedVector.Write(stored, row);
            foreach (float[] asked in vectors)
            {
                double error = Math.Abs(VectorScan.Score(row, new QuantizedQuery(asked)) - ReferenceVectors.Cosine(stored, asked));
                worst = Math.Max(worst, error);
                sum += error;
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"error: mean {sum / vectors.Length / vectors.Length:E2}, greatest {worst:E2}");
        worst.ShouldBeLessThan(0.003);
    }

    [Fact]
    public void The_best_rows_are_those_of_a_full_sort_with_the_dead_and_the_filtered_left_out()
    {
        var cases =
            from dimensions in Gen.Int[1, 70]
            from count in Gen.Int[0, 300]
            from seed in Gen.Int
            from k in Gen.Int[1, 40]
            from filtered in Gen.Bool
            select (dimensions, count, seed, k, filtered);
        cases.Sample(c =>
        {
            var random = new Random(c.seed);
            var (rows, docs) = Random(random, c.count, c.dimensions);
            var query = new QuantizedQuery(Vector(random, c.dimensions));
            // Short on purpose: documents from 128 on are beyond its end.
            ulong[] allowed = c.filtered ? [(ulong)random.NextInt64(), (ulong)random.NextInt64()] : [];
            int rowBytes = QuantizedVector.RowBytes(c.dimensions);
            var expected = Enumerable.Range(0, c.count)
                .Where(i => docs[i] >= 0 && (!c.filtered || (docs[i] < 128 && (allowed[docs[i] / 64] >> docs[i] % 64 & 1) == 1)))
                .Select(i => new VectorHit(i, VectorScan.Score(rows.AsSpan(i * rowBytes, rowBytes), query)))
                .OrderByDescending(h => h.Score).ThenBy(h => h.Row).Take(c.k).ToArray();
            VectorScan.TopK(rows, query, docs, allowed, c.k).ShouldBe(expected);
        }, iter: 300);
    }

    [Fact]
    public void Threads_change_nothing()
    {
        var random = new Random(7);
        var (rows, docs) = Random(random, 80_000, 32);
        for (int round = 0; round < 5; round++)
        {
            var query = new QuantizedQuery(Vector(random, 32));
            var one = VectorScan.TopK(rows, query, docs, [], 500);
            VectorScan.TopK(rows, query, docs, [], 500, threads: 4).ShouldBe(one);
        }
    }

    [Fact]
    public void Equal_scores_stand_in_the_order_of_their_rows()
    {
        int rowBytes = QuantizedVector.RowBytes(3);
        var rows = new byte[rowBytes * 50_000];
        for (int i = 0; i < 50_000; i++) QuantizedVector.Write(i % 5 == 0 ? [1, 0, 0] : [0.6f, 0.8f, 0], rows.AsSpan(i * rowBytes, rowBytes));
        var hits = VectorScan.TopK(rows, new QuantizedQuery([1, 0, 0]), new int[50_000], [], 100, threads: 3);
        hits.Select(h => h.Row).ShouldBe(Enumerable.Range(0, 100).Select(i => i * 5));
        hits[0].Score.ShouldBe(1, 1e-4);
    }

    [Fact]
    public void A_damaged_scale_never_becomes_a_hit()
    {
        int rowBytes = QuantizedVector.RowBytes(4);
        var rows = new byte[rowBytes * 2];
        QuantizedVector.Write([1, 0, 0, 0], rows.AsSpan(0, rowBytes));
        QuantizedVector.Write([1, 0, 0, 0], rows.AsSpan(rowBytes));
        MemoryMarshal.Write(rows.AsSpan(rowBytes - 4), float.NaN);
        VectorScan.TopK(rows, new QuantizedQuery([1, 0, 0, 0]), new int[2], [], 5).Select(h => h.Row).ShouldBe([1]);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        var query = new QuantizedQuery([1, 0]);
        Should.Throw<ArgumentException>(() => VectorScan.TopK(new byte[37], query, [0, 0], [], 1)).Message.ShouldContain("whole number of rows");
        Should.Throw<ArgumentException>(() => VectorScan.TopK(new byte[72], query, [0], [], 1)).Message.ShouldContain("documents");
        Should.Throw<ArgumentOutOfRangeException>(() => VectorScan.TopK(new byte[36], query, [0], [], 0));
        Should.Throw<ArgumentException>(() => QuantizedVector.Write([1, float.NaN], new byte[36]));
        Should.Throw<ArgumentException>(() => QuantizedVector.Write([1, float.NegativeInfinity], new byte[36]));
        Should.Throw<ArgumentException>(() => new QuantizedQuery([float.PositiveInfinity]));
        Should.Throw<ArgumentOutOfRangeException>(() => QuantizedVector.RowBytes(QuantizedVector.MaxDimensions + 1));
        VectorScan.TopK([], query, [], [], 10).ShouldBeEmpty();
    }

    private static float[] Vector(Random random, int dimensions)
    {
        var vector = new float[dimensions];
        do
        {
            for (int i = 0; i < dimensions; i++) vector[i] = random.Next(-3, 4); // coarse, so that scores tie
        } while (vector.All(x => x == 0));
        TensorPrimitives.Divide(vector, TensorPrimitives.Norm<float>(vector), vector);
        return vector;
    }

    private static (byte[] Rows, int[] Docs) Random(Random random, int count, int dimensions)
    {
        int rowBytes = QuantizedVector.RowBytes(dimensions);
        var rows = new byte[count * rowBytes];
        var docs = new int[count];
        for (int i = 0; i < count; i++)
        {
            QuantizedVector.Write(Vector(random, dimensions), rows.AsSpan(i * rowBytes, rowBytes));
            docs[i] = random.Next(6) == 0 ? -1 : random.Next(200);
        }
        return (rows, docs);
    }
}
