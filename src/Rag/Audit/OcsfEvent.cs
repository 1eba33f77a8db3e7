using System.Buffers;
using System.Text.Json;
using Rag.Foundation;

namespace Rag.Audit;

/// <summary>
/// Events as OCSF 1.3 has them: API Activity, class 6003 (Open Cybersecurity Schema Framework). What the schema has no place
/// for stands in <c>unmapped</c>.
/// </summary>
internal static class OcsfEvent
{
    public const int MaxDetails = 50, MaxDetailChars = 8_000, MaxResourceChars = 500;

    private const int ClassUid = 6003, Create = 1, Read = 2, Update = 3, Delete = 4, Other = 99;

    public static byte[] Write(string id, DateTimeOffset at, AuditEvent done, Actor actor, IReadOnlyList<RecordedAccess>? accesses)
    {
        var buffer = new ArrayBufferWriter<byte>(1_024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            int activity = ActivityOf(done);
            string name = activity switch { Create => "Create", Read => "Read", Update => "Update", Delete => "Delete", _ => "Other" };
            json.WriteStartObject();
            json.WriteNumber("class_uid", ClassUid);
            json.WriteString("class_name", "API Activity");
            json.WriteNumber("category_uid", ClassUid / 1000);
            json.WriteString("category_name", "Application Activity");
            json.WriteNumber("activity_id", activity);
            json.WriteString("activity_name", name);
            json.WriteNumber("type_uid", ClassUid * 100 + activity);
            json.WriteString("type_name", $"API Activity: {name}");
            json.WriteNumber("severity_id", 1);
            json.WriteString("severity", "Informational");
            json.WriteNumber("status_id", done.Succeeded ? 1 : 2);
            json.WriteString("status", done.Succeeded ? "Success" : "Failure");
            json.WriteNumber("time", at.ToUnixTimeMilliseconds());
            json.WriteStartObject("metadata");
            json.WriteString("version", "1.3.0");
            json.WriteString("uid", id);
            json.WriteString("log_name", done.Category);
            json.WriteStartObject("product");
            json.WriteString("name", "rag-system");
            json.WriteString("vendor_name", "rag-system");
            json.WriteString("version", typeof(OcsfEvent).Assembly.GetName().Version!.ToString(3));
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteStartObject("actor");
            json.WriteStartObject("user");
            json.WriteString("uid", actor.Id);
            json.WriteString("name", actor.Name);
            json.WriteString("type", actor.Kind);
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteStartObject("api");
            json.WriteString("operation", done.Action);
            json.WriteEndObject();
            json.WriteStartObject("src_endpoint");
            if (actor.Address is { } address) json.WriteString("ip", address);
            else json.WriteString("name", "rag-system");
            json.WriteEndObject();
            json.WriteStartArray("resources");
            json.WriteStartObject();
            int colon = done.Resource.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0) json.WriteString("type", done.Resource[..colon]);
            json.WriteString("name", Cut(colon > 0 ? done.Resource[(colon + 1)..] : done.Resource, MaxResourceChars));
            json.WriteEndObject();
            json.WriteEndArray();
            Unmapped(json, done, accesses);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The resource that an event names, as the record is searched by it.</summary>
    public static string ResourceOf(JsonElement ocsf)
    {
        var resource = ocsf.GetProperty("resources")[0];
        return Resource(resource.TryGetProperty("type", out var type) ? $"{type.GetString()}:{resource.GetProperty("name").GetString()}" : resource.GetProperty("name").GetString()!);
    }

    /// <summary>Who an event says has acted, as a subject is found by it.</summary>
    public static string OwnerOf(JsonElement ocsf)
    {
        var user = ocsf.GetProperty("actor").GetProperty("user");
        return Resource($"{user.GetProperty("type").GetString()}:{user.GetProperty("uid").GetString()}");
    }

    /// <summary>PostgreSQL's text holds no NUL.</summary>
    public static string Resource(string resource)
    {
        int colon = resource.IndexOf(':', StringComparison.Ordinal);
        string cut = colon > 0 ? $"{resource[..(colon + 1)]}{Cut(resource[(colon + 1)..], MaxResourceChars)}" : Cut(resource, MaxResourceChars);
        return cut.Replace('\0', '\uFFFD');
    }

    private static void Unmapped(Utf8JsonWriter json, AuditEvent done, IReadOnlyList<RecordedAccess>? accesses)
    {
        if (done.Details is not { Count: > 0 } && accesses is null) return;
        json.WriteStartObject("unmapped");
        foreach (var (key, value) in (done.Details ?? new Dictionary<string, string>()).Take(MaxDetails)) json.WriteString(key, Cut(value, MaxDetailChars));
        if (accesses is not null)
        {
            json.WritePropertyName("accesses");
            JsonSerializer.Serialize(json, accesses, AuditJson.Default.IReadOnlyListRecordedAccess);
        }
        json.WriteEndObject();
    }

    private static int ActivityOf(AuditEvent done) => done.Action[(done.Action.LastIndexOf('.') + 1)..] switch
    {
        "create" or "put" or "add" or "announce" or "open" or "start" => Create,
        "read" or "list" or "show" or "search" or "verify" or "export" => Read,
        "update" or "change" or "acknowledge" or "assign" or "grade" or "resolve" or "reopen" or "rotate" => Update,
        "delete" or "clear" or "cancel" or "erase" or "revoke" or "remove" or "expire" => Delete,
        _ => Other,
    };

    private static string Cut(string text, int max) => text.Length <= max ? text : text[..(char.IsHighSurrogate(text[max - 1]) ? max - 1 : max)];
}

/// <summary>What somebody was shown, as it is recorded.</summary>
/// <param name="QuestionHash">HMAC-SHA-256 of the question under the key file's secret.</param>
/// <param name="Question">The question itself, where the configuration has it kept.</param>
/// <param name="Count">How often, within about a second.</param>
public sealed record RecordedAccess(string How, string Collection, string? QuestionHash, string? Question, string? Answer, IReadOnlyList<string> Documents, long Count);
