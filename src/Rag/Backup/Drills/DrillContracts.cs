using System.Text.Json.Serialization;

namespace Rag.Backup.Drills;

/// <summary>Something that a drill looked at.</summary>
/// <param name="Name">One word, or several with hyphens.</param>
/// <param name="Found">What was found, a sentence.</param>
public sealed record DrillCheck(string Name, bool Passed, string Found);

/// <param name="Same">Whether the restored table has the rows that the backup says.</param>
public sealed record DrillTable(string Table, long Rows, string Digest, bool Same);

/// <summary>How long the steps of a drill took, seconds.</summary>
/// <param name="Fetch">Bringing the copy from off-site; 0 for a backup that lies here.</param>
/// <param name="Read">Reading all of it and checking every digest.</param>
/// <param name="Restore">Putting it into an empty record.</param>
/// <param name="Index">Making the search index from the record.</param>
/// <param name="FirstAnswer">Everything that stands between a loss and the first answered question: the steps before, and the question.</param>
/// <param name="Total">With comparing and all questions.</param>
public sealed record DrillTimes(double Fetch, double Read, double Restore, double Index, double FirstAnswer, double Total);

/// <summary>What would be lost if the record were lost when the drill began.</summary>
/// <param name="Changes">Changes that the backup has not.</param>
/// <param name="Seconds">Age of the oldest of them.</param>
public sealed record DrillLoss(long BackupPosition, long Position, long Changes, double Seconds);

/// <param name="Golden">Questions that were answered when the backup was made, and were asked again.</param>
/// <param name="Alike">Of these, how many were answered with the same sentences.</param>
/// <param name="Found">Of these, how many found what they quoted and chose other sentences, where statistics of replaced documents allow that.</param>
/// <param name="Sentences">Questions made of the documents' own sentences.</param>
/// <param name="SentencesFound">Of these, how many found their sentence.</param>
public sealed record DrillQuestions(int Golden, int Alike, int Found, int Sentences, int SentencesFound);

/// <summary>What a drill found: kept with its digest, which stands on the audit record.</summary>
/// <param name="OffSite">Whether the copy off-site was restored.</param>
/// <param name="Manifest">SHA-256 of the backup's manifest.</param>
/// <param name="Engine">Engine of the scratch record.</param>
/// <param name="Problem">The first thing that was wrong; null where nothing was.</param>
public sealed record DrillEvidence(
    string Id, string BackupId, string Kind, bool OffSite, string Manifest, string Engine, string Release, DateTimeOffset StartedAt, DateTimeOffset EndedAt, bool Passed, string? Problem,
    DrillTimes Seconds, DrillLoss Loss, DrillQuestions Questions, IReadOnlyList<DrillCheck> Checks, IReadOnlyList<DrillTable> Tables);

/// <param name="Sha256">Of the evidence as JSON; the audit record has the same.</param>
public sealed record DrillEntry(string Id, string BackupId, bool OffSite, DateTimeOffset StartedAt, DateTimeOffset EndedAt, bool Passed, string? Problem, double FirstAnswerSeconds, double LossSeconds, string Sha256);

public sealed record DrillList(IReadOnlyList<DrillEntry> Drills);

/// <param name="OffSite">Restore the copy off-site instead of the backup here.</param>
public sealed record StartDrill(string? Backup = null, bool OffSite = false);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DrillEvidence))]
[JsonSerializable(typeof(DrillList))]
[JsonSerializable(typeof(StartDrill))]
internal sealed partial class DrillJson : JsonSerializerContext;
