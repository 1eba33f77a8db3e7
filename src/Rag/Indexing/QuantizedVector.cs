using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Rag.Indexing;

/// <summary>
/// Vectors as rows of bytes, symmetric int8 with a scale for each. A row is
/// <c>sbyte[PaddedDimensions(d)]</c>, zeros beyond d, then <c>float scale</c> (little endian); rows follow each other
/// without gaps. The vector is <c>sbyte · scale</c>.
/// </summary>
internal static class QuantizedVector
{
    /// <summary>Dimensions are padded to this, so that no instruction set needs a remainder.</summary>
    public const int Lane = 32;

    /// <summary>Bounded so that a dot product with a <see cref="QuantizedQuery"/> fits 32 bits.</summary>
    public const int MaxDimensions = 8192;

    public static int PaddedDimensions(int dimensions)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimensions, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(dimensions, MaxDimensions);
        return (dimensions + Lane - 1) / Lane * Lane;
    }

    public static int RowBytes(int dimensions) => PaddedDimensions(dimensions) + sizeof(float);

    /// <summary>
    /// Writes one row. The scale makes the stored vector exactly as long as the given one, so that a unit vector keeps
    /// length 1 and scores are cosines.
    /// </summary>
    /// <exception cref="ArgumentException">A number is not finite, or the row is not as long as it must be.</exception>
    public static void Write(ReadOnlySpan<float> vector, Span<byte> row)
    {
        int padded = PaddedDimensions(vector.Length);
        if (row.Length != padded + sizeof(float))
            throw new ArgumentException($"A row of {vector.Length} dimensions has {padded + sizeof(float)} bytes, not {row.Length}.", nameof(row));
        float max = TensorPrimitives.MaxMagnitude(vector);
        if (!float.IsFinite(max)) throw new ArgumentException("The vector holds a number that is not finite.", nameof(vector));
        max = Math.Abs(max);
        row.Clear();
        if (max == 0) return;

        var bytes = MemoryMarshal.Cast<byte, sbyte>(row);
        double step = 127.0 / max, sumOfSquares = 0;
        for (int i = 0; i < vector.Length; i++)
        {
            int value = (int)Math.Round(vector[i] * step);
            bytes[i] = (sbyte)value;
            sumOfSquares += value * value;
        }
        float scale = (float)(TensorPrimitives.Norm(vector) / Math.Sqrt(sumOfSquares));
        MemoryMarshal.Write(row[padded..], in scale);
    }

    /// <summary>The vector that a row stands for.</summary>
    public static float[] Read(ReadOnlySpan<byte> row, int dimensions)
    {
        float scale = MemoryMarshal.Read<float>(row[PaddedDimensions(dimensions)..]);
        var vector = new float[dimensions];
        for (int i = 0; i < dimensions; i++) vector[i] = (sbyte)row[i] * scale;
        return vector;
    }
}

/// <summary>
/// A query vector as int16 with one scale: as fast as int8, for rows are widened anyway, and its own rounding is lost in
/// theirs. Its numbers are small enough that no dot product with a row overflows 32 bits.
/// </summary>
internal sealed class QuantizedQuery
{
    public int Dimensions { get; }

    /// <summary>Padded with zeros to <see cref="QuantizedVector.PaddedDimensions"/>.</summary>
    public short[] Values { get; }

    public float Scale { get; }

    /// <exception cref="ArgumentException">A number is not finite.</exception>
    public QuantizedQuery(ReadOnlySpan<float> vector)
    {
        Dimensions = vector.Length;
        Values = new short[QuantizedVector.PaddedDimensions(vector.Length)];
        float max = Math.Abs(TensorPrimitives.MaxMagnitude(vector));
        if (!float.IsFinite(max)) throw new ArgumentException("The vector holds a number that is not finite.", nameof(vector));
        if (max == 0) return;
        int limit = Limit(Values.Length);
        double step = limit / (double)max;
        for (int i = 0; i < vector.Length; i++) Values[i] = (short)Math.Round(vector[i] * step);
        Scale = (float)(1 / step);
    }

    /// <summary>The greatest number allowed: |Σ q·r| ≤ n · limit · 128 &lt; 2³¹.</summary>
    public static int Limit(int paddedDimensions) => Math.Min(short.MaxValue, int.MaxValue / (128 * paddedDimensions));
}
