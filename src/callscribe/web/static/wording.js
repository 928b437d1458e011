// The words for states and times; wording.py says the same.

export const ENDINGS = {
  completed: "Ended", interrupted: "Interrupted", busy: "Busy", "no-answer": "No answer",
  failed: "Failed", canceled: "Cancelled",
};

export function clock(ms) {
  const total = Math.floor(Math.max(0, ms) / 1000);
  const seconds = String(total % 60).padStart(2, "0");
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600);
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}

export function span(ms) {
  if (ms < 950) return `${(Math.max(1, Math.floor((ms + 50) / 100)) / 10).toFixed(1)} s`;
  const seconds = Math.floor((ms + 500) / 1000);
  return seconds < 60 ? `${seconds} s` : clock(seconds * 1000);
}

// `call` has status, paused and on_hold.
export function state(call) {
  if (call.status in ENDINGS) {
    return [ENDINGS[call.status], call.status === "completed" ? "ended" : "bad"];
  }
  if (call.status === "ringing") return ["Ringing", "ringing"];
  if (call.paused) return ["Paused", "paused"];
  return call.on_hold ? ["On hold", "hold"] : ["Live", "live"];
}

export function caller(call) {
  if (call.flow === "conference" && call.room) return `Room ${call.room}`;
  return call.from_name || call.from || "Unknown number";
}

export function callee(call) {
  return call.flow === "conference" && call.room ? "" : call.to_name || call.to || "";
}

export function ending({ status = "completed", duration_ms = 0, ended_by = "", reason = "" }) {
  const after = duration_ms >= 1000 ? ` after ${clock(duration_ms)}` : "";
  if (status === "interrupted") {
    return `Interrupted${after}: the server stopped during the call. Everything above was saved.`;
  }
  if (status === "completed") {
    const who = { "": "", carrier: " The carrier ended it.", server: " The server ended it." };
    return `Ended${after}.${who[ended_by] ?? ` ${ended_by} hung up.`}`;
  }
  const words = {
    busy: "The line was busy.", "no-answer": "Nobody answered.", failed: "The call failed.",
    canceled: "The call was cancelled before anyone answered.",
  };
  return `${words[status] ?? "Ended."} ${reason}`.trim();
}

export function behind(ms) {
  return ms >= 1000 ? `${Math.round(ms / 1000)} s behind, catching up` : "";
}
