namespace Rag.Testing.Doctor;

/// <summary>Something that is wrong for real, and the finding that must name it, then and not before.</summary>
/// <param name="Missing">What has to be installed or allowed and is not; null where it can be provoked here.</param>
/// <param name="Quick">Whether a quick run has it: those that the runbook names and that take a few seconds.</param>
/// <param name="PlayAsync">Looks while all is well, makes it go wrong, looks again.</param>
public sealed record DoctorScenario(string Name, string Finding, Func<string?> Missing, bool Quick, Func<CancellationToken, Task<(DoctorRun Well, DoctorRun Wrong)>> PlayAsync)
{
    public override string ToString() => Name;

    /// <summary>Why the doctor did not do what it promises; null where it did.</summary>
    public async Task<string?> ProblemAsync(CancellationToken ct)
    {
        var (well, wrong) = await PlayAsync(ct);
        if (well.Names(Finding)) return $"{Name}: {Finding} was named while nothing was wrong: {well}";
        if (!wrong.Names(Finding)) return $"{Name}: {Finding} was not named: {wrong}";
        if (wrong.ExitCode != 1) return $"{Name}: exit code {wrong.ExitCode}";
        return wrong.Findings.First(f => f.Name == Finding).Next is { Length: > 0 } ? null : $"{Name}: no next command";
    }

    public static readonly IReadOnlyList<DoctorScenario> All = [.. DatabaseScenarios.All, .. CacheScenarios.All, .. MachineScenarios.All, .. ServerScenarios.All];
}
