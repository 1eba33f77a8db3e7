namespace Rag.Bench.Verify;

internal enum Relation
{
    AtLeast,
    AtMost,
    /// <summary>Measured and shown; nothing is promised of it.</summary>
    Reported,
}

/// <summary>What a check measured, and what a reader should know of it.</summary>
internal sealed record Measured(double Figure, string? Note = null);

/// <summary>A promise: what is measured, and what must hold of it.</summary>
internal sealed record Check(string Name, string What, Relation Relation, double? Bound, Func<CheckContext, CancellationToken, Task<Measured>> MeasureAsync)
{
    public bool Holds(double figure) => Relation switch
    {
        Relation.AtLeast => figure >= Bound,
        Relation.AtMost => figure <= Bound,
        _ => true,
    };

    public string Sign => Relation switch { Relation.AtLeast => ">=", Relation.AtMost => "<=", _ => "reported" };
}

/// <summary>A check's line of output; <c>figure</c> is absent where it could not be measured, and the note says why.</summary>
internal sealed record CheckLine(string Name, double? Figure, string Relation, double? Bound, bool Holds, double Seconds, bool? Quick, string? Note);

/// <summary>Something that a check needs is not there.</summary>
internal sealed class CannotMeasureException(string message) : Exception(message);
