using System.Data.Common;
using System.Globalization;
using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Maintenance;

/// <summary>
/// What users are told of windows: those that are open or begin within a day. Read from the record every few seconds and
/// kept in this process, so that a request costs it nothing; while the record is away what was read last is told on.
/// </summary>
internal sealed class MaintenanceNotice(Database database, RecordState record, TimeProvider time) : BackgroundService
{
    public const string Header = "Rag-Maintenance";

    private const int MaxShown = 5;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5), Ahead = TimeSpan.FromHours(24);

    private volatile IReadOnlyList<MaintenanceWindow> _windows = [];

    /// <summary>Open windows and those that begin within a day, the first to begin first.</summary>
    public IReadOnlyList<MaintenanceWindow> Current
    {
        get
        {
            var windows = _windows;
            if (windows.Count == 0) return windows;
            var now = time.GetUtcNow();
            return [.. windows.Where(w => w.EndsAt > now && w.StartsAt <= now + Ahead).Take(MaxShown).Select(w => w with { State = MaintenanceWindow.StateAt(now, w.StartsAt, w.EndsAt, null) })];
        }
    }

    /// <summary>Reads the windows now; keeps what it has while the record is away.</summary>
    public async Task RefreshAsync(CancellationToken ct)
    {
        if (record.Away) return;
        try
        {
            var now = time.GetUtcNow();
            await using var connection = await database.OpenAsync(ct);
            var rows = await connection.QueryAsync<MaintenanceWindows.Row>(new CommandDefinition(
                $"{MaintenanceWindows.Select} WHERE cancelled_at IS NULL AND ends_at > @now ORDER BY starts_at, id LIMIT @MaxOpen",
                new { now = Clock.ToMicroseconds(now), MaintenanceWindows.MaxOpen }, cancellationToken: ct));
            _windows = [.. rows.Select(r => MaintenanceWindows.Window(r, now))];
        }
        catch (Exception e) when (e is RagException or DbException)
        {
            // Those say so that need the record.
        }
    }

    /// <summary><c>start/end; title</c> of each (RFC 3339), in ASCII; null where there is none.</summary>
    public string? HeaderValue()
    {
        var current = Current;
        return current.Count == 0 ? null : string.Join(", ", current.Select(w => $"{Time(w.StartsAt)}/{Time(w.EndsAt)}; {MaintenanceText.Ascii(w.Title)}"));
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await RefreshAsync(stop);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            await Task.Delay(Interval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    internal static string Time(DateTimeOffset at) => at.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}

internal static class MaintenanceMiddleware
{
    /// <summary>Tells programs of windows in a header, as pages tell people in a banner.</summary>
    public static IApplicationBuilder UseMaintenance(this IApplicationBuilder app)
    {
        var notice = app.ApplicationServices.GetRequiredService<MaintenanceNotice>();
        var readOnly = app.ApplicationServices.GetRequiredService<ReadOnlyMode>();
        return app.Use(next => context =>
        {
            if (!context.Request.Path.StartsWithSegments("/v1")) return next(context);
            if (notice.HeaderValue() is { } windows) Set(context, MaintenanceNotice.Header, windows);
            if (readOnly.HeaderValue() is { } period) Set(context, ReadOnlyMode.Header, period);
            return next(context);
        });

        // Errors clear the headers that stand before them; these stay.
        static void Set(HttpContext context, string header, string value) => context.Response.OnStarting(() =>
        {
            context.Response.Headers[header] = value;
            return Task.CompletedTask;
        });
    }
}
