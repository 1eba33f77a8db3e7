using System.Text.Json.Serialization;

namespace Rag.Maintenance;

/// <param name="State"><c>announced</c>, <c>open</c>, <c>over</c> or <c>cancelled</c>.</param>
/// <param name="SilenceId">Of the silence in Alertmanager; null where there is none.</param>
public sealed record MaintenanceWindow(
    string Id, string Title, DateTimeOffset StartsAt, DateTimeOffset EndsAt, DateTimeOffset AnnouncedAt, string AnnouncedBy, DateTimeOffset? CancelledAt, string? SilenceId, string State)
{
    public const string Announced = "announced", Open = "open", Over = "over", Cancelled = "cancelled";

    internal static string StateAt(DateTimeOffset now, DateTimeOffset startsAt, DateTimeOffset endsAt, DateTimeOffset? cancelledAt) =>
        cancelledAt is not null ? Cancelled : now >= endsAt ? Over : now >= startsAt ? Open : Announced;
}

/// <param name="Start">When it begins; now where it is left out.</param>
/// <param name="For">How long it lasts, such as <c>2h</c>.</param>
public sealed record AnnounceWindow(string Title, DateTimeOffset? Start, string For, string? By = null);

/// <summary>What announcing or cancelling did.</summary>
/// <param name="SilenceProblem">Why Alertmanager does not know of it; null where it does, or where none is configured.</param>
/// <param name="SilenceRemedy">What to do about that.</param>
public sealed record WindowChanged(MaintenanceWindow Window, string? SilenceProblem, string? SilenceRemedy);

public sealed record WindowList(IReadOnlyList<MaintenanceWindow> Windows);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AnnounceWindow))]
[JsonSerializable(typeof(WindowChanged))]
[JsonSerializable(typeof(WindowList))]
internal sealed partial class MaintenanceJson : JsonSerializerContext;
