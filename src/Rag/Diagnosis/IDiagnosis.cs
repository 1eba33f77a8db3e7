namespace Rag.Diagnosis;

/// <summary>
/// Looks at one area and says what it found. It changes nothing, every wait in it is bounded, and what it cannot reach is a
/// finding: it throws only where it was cancelled. The server has one of each; without a server some take their place.
/// </summary>
internal interface IDiagnosis
{
    string Area { get; }

    Task<IReadOnlyList<Finding>> LookAsync(DoctorRequest request, CancellationToken ct);
}

/// <summary>Collects the findings of one area.</summary>
internal sealed class Findings(string area) : List<Finding>
{
    public void Ok(string name, string what, string evidence) => Put(Severity.Ok, name, what, evidence, "", null);

    public void Notice(string name, string what, string evidence, string meaning, string? next = null) => Put(Severity.Notice, name, what, evidence, meaning, next);

    public void Warning(string name, string what, string evidence, string meaning, string next) => Put(Severity.Warning, name, what, evidence, meaning, next);

    public void Critical(string name, string what, string evidence, string meaning, string next) => Put(Severity.Critical, name, what, evidence, meaning, next);

    /// <summary>Whether nothing is wrong so far.</summary>
    public bool Well => TrueForAll(f => Severity.Rank(f.Severity) < Severity.Rank(Severity.Warning));

    private void Put(string severity, string name, string what, string evidence, string meaning, string? next) => Add(new(area, severity, $"{area}.{name}", what, evidence, meaning, next));
}
