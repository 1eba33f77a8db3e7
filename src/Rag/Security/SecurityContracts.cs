using System.Text.Json.Serialization;

namespace Rag.Security;

/// <summary>What one caller did of one pattern within a minute.</summary>
/// <param name="Caller">Kind and id, such as <c>key:…</c>, or <c>address:…</c> where nobody is known by more.</param>
/// <param name="Score">What all of it weighs; 5 is an attack.</param>
/// <param name="Place">Where it was: <c>request</c>, <c>question</c>, <c>document</c>, <c>access</c>.</param>
/// <param name="Excerpt">The first of it: bounded, with nothing in it that a program would take for an address or for markup.</param>
/// <param name="Trace">Trace id of the request that was first.</param>
public sealed record SecurityEvent(
    string Id, DateTimeOffset FirstAt, DateTimeOffset LastAt, string Pattern, string Caller, string Name, string? Address, long Count, double Score, string Place, string Excerpt, string Trace);

public sealed record SecurityEvents(IReadOnlyList<SecurityEvent> Events);

/// <param name="Score">Of all that was kept, each half as much for every half-life since.</param>
/// <param name="Patterns">By weight, the heaviest first.</param>
public sealed record CallerScore(string Caller, string Name, string? Address, double Score, DateTimeOffset LastAt, IReadOnlyList<string> Patterns);

/// <param name="HalfLifeMinutes">After this time what somebody did weighs half.</param>
/// <param name="Respond">What a high score does: <c>observe</c> or <c>limit</c>.</param>
public sealed record CallerScores(int HalfLifeMinutes, string Respond, IReadOnlyList<CallerScore> Callers);

public sealed record Canary(string Document, string Collection, string Title, string Note, DateTimeOffset AddedAt, string AddedBy);

public sealed record CanaryList(IReadOnlyList<Canary> Canaries);

/// <param name="Document">Id of a document that is there; left out where one is to be made.</param>
/// <param name="Title">Of the document that is to be made.</param>
/// <param name="Text">Of the document that is to be made; one is written where it is left out.</param>
/// <param name="Note">Why it is there, for whoever is called when it is read.</param>
public sealed record NewCanary(string Collection, string? Document = null, string? Title = null, string? Text = null, string? Note = null);

/// <param name="State"><c>valid</c>, <c>expiring</c>, <c>expired</c> or <c>unseen</c>.</param>
/// <param name="Problem">Why it could not be seen; null where it was.</param>
public sealed record CertificateLine(string Name, string At, string State, string Subject, string Issuer, DateTimeOffset? NotAfter, double? DaysLeft, string? Problem);

public sealed record CertificateList(IReadOnlyList<CertificateLine> Certificates);

/// <param name="Severity">As the advisory says; empty where it does not.</param>
/// <param name="Fixed">The lowest version that is not affected; null where none is named.</param>
public sealed record AdvisoryFinding(string Advisory, string Package, string Version, string Severity, string Summary, string? Fixed, string Url);

/// <param name="Result"><c>clean</c>, <c>findings</c> or <c>unknown</c>.</param>
/// <param name="Why">In a sentence.</param>
/// <param name="Advisories">How many were read that are about NuGet packages.</param>
/// <param name="NewestAt">When the newest of them was changed.</param>
/// <param name="Packages">How many packages they were held against.</param>
public sealed record SecurityScan(string Id, DateTimeOffset At, string Result, string Why, int Advisories, DateTimeOffset? NewestAt, int Packages, IReadOnlyList<AdvisoryFinding> Findings)
{
    public const string Clean = "clean", Found = "findings", Unknown = "unknown";
}

public sealed record SecurityScans(IReadOnlyList<SecurityScan> Scans);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SecurityEvents))]
[JsonSerializable(typeof(CallerScores))]
[JsonSerializable(typeof(Canary))]
[JsonSerializable(typeof(CanaryList))]
[JsonSerializable(typeof(NewCanary))]
[JsonSerializable(typeof(CertificateList))]
[JsonSerializable(typeof(SecurityScan))]
[JsonSerializable(typeof(SecurityScans))]
internal sealed partial class SecurityJson : JsonSerializerContext;
