/* Made by openapi_types.py from the interface's own OpenAPI document: not to be changed by hand. */

export interface Answers {
  "GET /actions": {
    "actions": ({
      "id": number;
      "workerid": number;
      "worker": string;
      "masterid": number;
      "episode": number | null;
      "what": string;
      "actor": string;
      "actor_kind": string;
      "reason": string;
      "at": number;
      "status": string;
      "finished_at": number | null;
      "steps": ({
        "step": string;
        "target": string;
        "text": string;
        "done": boolean | null;
        "detail": string | null;
      })[];
      "outcome": string | null;
      "verdict": {
        "level": string;
        "code": string;
        "reason": string;
        "since": number | null;
        "threshold_s": number | null;
      } | null;
      "pause": boolean;
      "override": boolean;
    })[];
    "meta": {
      "next": string | null;
    };
  };
  "GET /actions/{number}": {
    "actions": ({
      "id": number;
      "workerid": number;
      "worker": string;
      "masterid": number;
      "episode": number | null;
      "what": string;
      "actor": string;
      "actor_kind": string;
      "reason": string;
      "at": number;
      "status": string;
      "finished_at": number | null;
      "steps": ({
        "step": string;
        "target": string;
        "text": string;
        "done": boolean | null;
        "detail": string | null;
      })[];
      "outcome": string | null;
      "verdict": {
        "level": string;
        "code": string;
        "reason": string;
        "since": number | null;
        "threshold_s": number | null;
      } | null;
      "pause": boolean;
      "override": boolean;
    })[];
    "meta": {
      "next": string | null;
    };
  };
  "GET /episodes": {
    "episodes": ({
      "id": number;
      "workerid": number;
      "worker": string;
      "masterid": number;
      "started_at": number;
      "ended_at": number | null;
      "outcome": string | null;
      "failure": {
        "call": string;
        "error": string;
        "traceback": string | null;
      } | null;
      "instance": string | null;
      "build": {
        "buildid": number | null;
        "builderid": number | null;
        "builder": string;
        "number": number | null;
      } | null;
      "phases": ({
        "state": string;
        "since": number;
        "until": number | null;
      })[];
      "connected_at": number | null;
      "start_s": number | null;
      "connect_s": number | null;
      "up_s": number | null;
      "stop_s": number | null;
      "builds": number;
    })[];
    "meta": {
      "next": string | null;
    };
  };
  "GET /episodes/{number}": {
    "episodes": ({
      "id": number;
      "workerid": number;
      "worker": string;
      "masterid": number;
      "started_at": number;
      "ended_at": number | null;
      "outcome": string | null;
      "failure": {
        "call": string;
        "error": string;
        "traceback": string | null;
      } | null;
      "instance": string | null;
      "build": {
        "buildid": number | null;
        "builderid": number | null;
        "builder": string;
        "number": number | null;
      } | null;
      "phases": ({
        "state": string;
        "since": number;
        "until": number | null;
      })[];
      "connected_at": number | null;
      "start_s": number | null;
      "connect_s": number | null;
      "up_s": number | null;
      "stop_s": number | null;
      "builds": number;
    })[];
    "meta": {
      "next": string | null;
    };
  };
  "GET /health": {
    "health": {
      "status": string;
      "version": string;
      "schema": number | null;
      "recording": boolean;
      "queued": number;
      "queue_bound": number;
      "dropped": number;
      "written": number;
      "errors": number;
      "last_error": string | null;
      "last_write_at": number | null;
      "oldest_unwritten_at": number | null;
      "incarnation": number | null;
      "masterid": number | null;
      "probe": string;
      "reactor_blocked": {
        "at": number;
        "seconds": number;
        "where": ({
          "file": string;
          "line": number;
          "function": string;
        })[];
        "workerid": number | null;
      } | null;
    };
  };
  "GET /orphans": {
    "orphans": ({
      "id": number;
      "workerid": number;
      "worker": string;
      "class": string;
      "masterid": number;
      "episode": number | null;
      "instance": string | null;
      "opened_at": number;
      "cause": string;
      "why": string;
      "times": number;
      "closed_at": number | null;
      "closed_by": string | null;
      "closed_by_kind": string | null;
      "note": string | null;
    })[];
    "meta": {
      "next": string | null;
      "open": number;
    };
  };
  "GET /orphans/{number}": {
    "orphans": ({
      "id": number;
      "workerid": number;
      "worker": string;
      "class": string;
      "masterid": number;
      "episode": number | null;
      "instance": string | null;
      "opened_at": number;
      "cause": string;
      "why": string;
      "times": number;
      "closed_at": number | null;
      "closed_by": string | null;
      "closed_by_kind": string | null;
      "note": string | null;
    })[];
    "meta": {
      "next": string | null;
    };
  };
  "POST /orphans/{number}/resolve": {
    "orphan": {
      "id": number;
      "workerid": number;
      "worker": string;
      "class": string;
      "masterid": number;
      "episode": number | null;
      "instance": string | null;
      "opened_at": number;
      "cause": string;
      "why": string;
      "times": number;
      "closed_at": number | null;
      "closed_by": string | null;
      "closed_by_kind": string | null;
      "note": string | null;
    };
  };
  "GET /recent": {
    "recent": ({
      "workerid": number;
      "episodes": ([number, string | null, number | null, number | null, number | null, number | null])[];
    })[];
    "meta": {
      "total": number;
    };
  };
  "GET /shutdown": {
    "shutdown": ({
      "masterid": number;
      "master": string;
      "live": boolean;
      "stopping_since": number | null;
      "instances_up": number;
      "usual_stop_s": number | null;
      "usual_unknown": number;
      "blockers": ({
        "workerid": number;
        "worker": string;
        "what": string;
        "since": number;
        "releasable": boolean;
        "release_in_s": number | null;
        "text": string;
      })[];
    })[];
    "meta": {
      "total": number;
      "now": number;
    };
  };
  "GET /stats": {
    "stats": ({
      "workerid": number | null;
      "worker": string | null;
      "class": string;
      "phase": string;
      "count": number;
      "p50": number;
      "p95": number;
      "p99": number;
      "max": number;
      "buckets": ([number, number])[];
      "threshold_s": number | null;
    })[];
    "outcomes": ({
      "workerid": number | null;
      "worker": string | null;
      "class": string;
      "count": number;
      "ok": number;
      "failed": number;
      "released": number;
      "unknown": number;
      "success_rate": number | null;
    })[];
    "meta": {
      "since": number;
      "until": number;
      "total": number;
      "episodes": number;
      "truncated": boolean;
    };
  };
  "GET /timeline": {
    "lanes": ({
      "workerid": number;
      "worker": string;
      "masterid": number;
      "episodes": ({
        "id": number;
        "outcome": string | null;
        "phases": ([string, number, number | null])[];
        "builds": ([number, number | null, string, number | null, number | null])[];
      })[];
    })[];
    "marks": ({
      "at": number;
      "kind": string;
      "workerid": number | null;
      "masterid": number;
      "text": string;
    })[];
    "meta": {
      "since": number;
      "until": number;
      "truncated": boolean;
      "total": number;
    };
  };
  "GET /transitions": {
    "transitions": ({
      "id": number;
      "workerid": number;
      "masterid": number;
      "episode": number | null;
      "from": string;
      "to": string;
      "at": number;
      "expected": boolean;
    })[];
    "meta": {
      "next": string | null;
    };
  };
  "GET /workers": {
    "workers": ({
      "workerid": number;
      "name": string;
      "masterid": number;
      "master": string;
      "class": string;
      "state": string;
      "state_since": number | null;
      "connected": boolean;
      "building": ({
        "buildid": number | null;
        "builderid": number | null;
        "builder": string;
        "number": number | null;
        "since"?: number;
      })[];
      "paused": boolean;
      "pause_reason": string | null;
      "episode": number | null;
      "instance": string | null;
      "pending": {
        "call": string;
        "since": number;
        "where": ({
          "file": string;
          "line": number;
          "function": string;
        })[];
      } | null;
      "abandoned": ({
        "call": string;
        "since": number;
      })[] | null;
      "refused": number;
      "held": number;
      "refused_open": number | null;
      "orphans": number;
      "verdict": {
        "level": string;
        "code": string;
        "reason": string;
        "since": number | null;
        "threshold_s": number | null;
      };
      "quarantined_until": number | null;
      "last_sign": number | null;
      "forceable": boolean;
      "live": boolean;
      "updated_at": number;
    })[];
    "meta": {
      "now": number;
      "behind": {
        "events": number;
        "since": number | null;
      };
      "total": number;
      "can_force": boolean;
      "details": boolean;
      "user": string | null;
    };
  };
  "GET /workers/{worker}": {
    "workers": ({
      "workerid": number;
      "name": string;
      "masterid": number;
      "master": string;
      "class": string;
      "state": string;
      "state_since": number | null;
      "connected": boolean;
      "building": ({
        "buildid": number | null;
        "builderid": number | null;
        "builder": string;
        "number": number | null;
        "since"?: number;
      })[];
      "paused": boolean;
      "pause_reason": string | null;
      "episode": number | null;
      "instance": string | null;
      "pending": {
        "call": string;
        "since": number;
        "where": ({
          "file": string;
          "line": number;
          "function": string;
        })[];
      } | null;
      "abandoned": ({
        "call": string;
        "since": number;
      })[] | null;
      "refused": number;
      "held": number;
      "refused_open": number | null;
      "orphans": number;
      "verdict": {
        "level": string;
        "code": string;
        "reason": string;
        "since": number | null;
        "threshold_s": number | null;
      };
      "quarantined_until": number | null;
      "last_sign": number | null;
      "forceable": boolean;
      "live": boolean;
      "updated_at": number;
    })[];
    "meta": {
      "now": number;
      "behind": {
        "events": number;
        "since": number | null;
      };
      "total": number;
      "can_force": boolean;
      "details": boolean;
      "user": string | null;
    };
  };
  "GET /workers/{worker}/episodes": {
    "episodes": ({
      "id": number;
      "workerid": number;
      "worker": string;
      "masterid": number;
      "started_at": number;
      "ended_at": number | null;
      "outcome": string | null;
      "failure": {
        "call": string;
        "error": string;
        "traceback": string | null;
      } | null;
      "instance": string | null;
      "build": {
        "buildid": number | null;
        "builderid": number | null;
        "builder": string;
        "number": number | null;
      } | null;
      "phases": ({
        "state": string;
        "since": number;
        "until": number | null;
      })[];
      "connected_at": number | null;
      "start_s": number | null;
      "connect_s": number | null;
      "up_s": number | null;
      "stop_s": number | null;
      "builds": number;
    })[];
    "meta": {
      "next": string | null;
    };
  };
  "GET /workers/{worker}/events": {
    "events": ({
      "id": number;
      "workerid": number;
      "masterid": number;
      "episode": number | null;
      "kind": string;
      "at": number;
      "data": Record<string, unknown>;
    })[];
    "meta": {
      "next": string | null;
    };
  };
  "POST /workers/{worker}/force-disconnect": {
    "action": {
      "id": number;
      "workerid": number;
      "worker": string;
      "masterid": number;
      "episode": number | null;
      "what": string;
      "actor": string;
      "actor_kind": string;
      "reason": string;
      "at": number;
      "status": string;
      "finished_at": number | null;
      "steps": ({
        "step": string;
        "target": string;
        "text": string;
        "done": boolean | null;
        "detail": string | null;
      })[];
      "outcome": string | null;
      "verdict": {
        "level": string;
        "code": string;
        "reason": string;
        "since": number | null;
        "threshold_s": number | null;
      } | null;
      "pause": boolean;
      "override": boolean;
    };
  } | {
    "dry_run": {
      "eligible": boolean;
      "why_not": string | null;
      "code": string | null;
      "steps": ({
        "step": string;
        "target": string;
        "text": string;
        "done": boolean | null;
        "detail": string | null;
      })[];
      "warnings": (string)[];
      "episode": number | null;
      "verdict": {
        "level": string;
        "code": string;
        "reason": string;
        "since": number | null;
        "threshold_s": number | null;
      };
      "instance": string | null;
      "build": {
        "buildid": number | null;
        "builderid": number | null;
        "builder": string;
        "number": number | null;
        "since"?: number;
      } | null;
      "builds": ({
        "buildid": number | null;
        "builderid": number | null;
        "builder": string;
        "number": number | null;
        "since"?: number;
      })[];
      "where": ({
        "file": string;
        "line": number;
        "function": string;
      })[];
    };
  };
  "GET /workers/{worker}/transitions": {
    "transitions": ({
      "id": number;
      "workerid": number;
      "masterid": number;
      "episode": number | null;
      "from": string;
      "to": string;
      "at": number;
      "expected": boolean;
    })[];
    "meta": {
      "next": string | null;
    };
  };
}
